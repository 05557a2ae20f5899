import { voxelCount } from '../../../geometry';
import type { PretrainConfig } from '../../../config';
import type { CropBatch } from '../../../data/types';
import { RandomStream, streamId } from '../../../random/random';
import { buildModel, buildOptimizer, buildSchedule } from './build';
import { PretrainStep } from './step';

/** A batch of `crops` crops of noise: a random crop, and the rest base crops. */
function madeUpBatch({ method, network, seed }: PretrainConfig, crops: number): CropBatch {
  const cropShape = method.input;
  const length = voxelCount(cropShape) * network.inChannels;
  const stream = new RandomStream(seed, streamId('trial'));
  const noise = (count: number): Float32Array => Float32Array.from({ length: count * length }, () => stream.uniform());
  const bases = crops - 1;
  return {
    volumes: 1,
    randomPerVolume: 1,
    basesPerVolume: bases,
    cropShape,
    channels: network.inChannels,
    random: noise(1),
    bases: noise(bases),
    labels: new Float64Array(bases).fill(1 / bases),
    centres: new Float64Array(3),
    cases: ['trial'],
  };
}

/** Builds the model of a config and returns what does one training step on `crops` crops of noise. */
export function trialSteps(config: PretrainConfig, crops: number): () => Promise<unknown> {
  const model = buildModel(config);
  const optimizer = buildOptimizer(config.optimizer, model);
  const schedule = buildSchedule(config);
  const { microBatch } = config.train;
  const { clipNorm } = config.optimizer;
  const step = new PretrainStep({ model, optimizer, schedule, microBatch, clipNorm, seed: config.seed });
  const batch = madeUpBatch(config, crops);
  return () => step.run(batch, 0);
}
