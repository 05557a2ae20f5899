import { voxelCount } from '../geometry';
import type { FinetuneConfig } from '../config';
import { RandomStream, streamId } from '../random/random';
import type { TrainingBatch } from '../train/loop';
import { buildOptimizer } from './build';
import type { ClassifiedBatch } from './classification/batch';
import { finetuneSchedule, type RunLength } from './length';
import { classification, isClassification, segmentation, type Recipe } from './recipes';
import type { LabelledBatch } from './segmentation/batch';

type Common = Omit<LabelledBatch, 'crops' | 'cropShape' | 'codes' | 'centres'>;

function common({ crops, network, seed }: FinetuneConfig, count: number): Common {
  const voxels = voxelCount(crops.size);
  const stream = new RandomStream(seed, streamId('trial'));
  const images = Float32Array.from({ length: count * voxels * network.inChannels }, () => stream.uniform());
  return { epoch: 0, cases: Array.from({ length: count }, () => 'trial'), channels: network.inChannels, images };
}

/** Crops of noise, all of them background. */
function labelledBatch(config: FinetuneConfig, crops: number): LabelledBatch {
  const { size } = config.crops;
  const codes = new Uint8Array(crops * voxelCount(size));
  return { ...common(config, crops), crops, cropShape: size, codes, centres: new Float64Array(3 * crops) };
}

/** Volumes of noise, all of the first class. */
function classifiedBatch(config: FinetuneConfig, volumes: number): ClassifiedBatch {
  return { ...common(config, volumes), shape: config.crops.size, classes: new Array<number>(volumes).fill(0) };
}

function stepsOf<Batch extends TrainingBatch>(
  config: FinetuneConfig,
  length: RunLength,
  recipe: Recipe<Batch>,
  batch: Batch,
): () => Promise<unknown> {
  const trained = buildOptimizer(config, recipe.network, length.totalSteps);
  const schedule = finetuneSchedule(config, length);
  const task = recipe.task({
    trained,
    schedule,
    readLate: false,
    startStep: 0,
    onWarning: () => undefined,
  });
  // The last step: the first may freeze the encoder, which is cheaper.
  return () => task.step(batch, length.totalSteps - 1);
}

/** Builds the network of a config and returns what does one training step on `crops` crops of noise. */
export function trialSteps(config: FinetuneConfig, length: RunLength, crops: number): () => Promise<unknown> {
  const none = { train: [], validation: [] };
  if (isClassification(config)) {
    return stepsOf(config, length, classification(config, none), classifiedBatch(config, crops));
  }
  const recipe = segmentation(config, none, config.train.microBatch);
  return stepsOf(config, length, recipe, labelledBatch(config, crops));
}
