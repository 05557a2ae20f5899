import type { VocoConfig } from './config';
import { voxelCount } from '../../geometry';
import { createEncoder, estimate } from '../../nets';
import { RandomStream, streamId } from '../../random/random';
import type { TrainedModel, TrainingTask } from '../../tasks';
import { cropTraits } from '../../data/channels';
import type { Case } from '../../data/datalist';
import { formatPercent, formatSize } from '../../text';
import type { CropBatch } from './batch';
import { storeSettings } from '../../data/volumeStore';
import { findUnlabelledCases } from '../cases';
import { vocoDescriptor } from './descriptor';
import { vocoLoss } from './loss';
import { VocoModel } from './model';
import { objectiveDescriptors, teacherNeeds } from './objectives/descriptors';
import { projectorParameters } from './projector';
import type { LoaderSettings } from './settings';

/** The model of a config: student, projector, and a teacher where the objective has one. */
export function buildModel(config: VocoConfig): VocoModel {
  const { method } = config;
  return new VocoModel({
    network: config.network,
    objective: method.objective,
    seed: config.seed,
    projector: method.projector,
    teacher: method.teacher,
    teacherMomentum: method.teacherMomentum,
    teacherInit: method.teacherInit,
    weights: {
      regularizerWeight: method.regularizerWeight,
      interVolumeWeight: method.interWeight,
      featureDropout: method.featureDropout,
      temperature: method.temperature,
    },
  });
}

/** How the volumes of a config are cut into crops. */
export function loaderSettings(config: VocoConfig): LoaderSettings {
  const { grid, gridPlace, crop, cropMm, input, randomCrops, augment } = config.method;
  const store = storeSettings(config.data);
  return { grid, gridPlace, crop, cropMm, input, randomCrops, augment, store, ...cropTraits(config.data) };
}

/** Crops of noise: a random crop, and the rest base crops. */
function noise({ method, network, seed }: VocoConfig, crops: number): CropBatch {
  const cropShape = method.input;
  const length = cropShape[0] * cropShape[1] * cropShape[2] * network.inChannels;
  const stream = new RandomStream(seed, streamId('trial'));
  const numbers = (count: number): Float32Array =>
    Float32Array.from({ length: count * length }, () => stream.uniform());
  const bases = crops - 1;
  return {
    volumes: 1,
    randomPerVolume: 1,
    basesPerVolume: bases,
    cropShape,
    channels: network.inChannels,
    random: numbers(1),
    bases: numbers(bases),
    labels: new Float64Array(bases).fill(1 / bases),
    centres: new Float64Array(3),
    cases: ['trial'],
  };
}

function build(config: VocoConfig): TrainedModel<CropBatch> {
  const model = buildModel(config);
  return {
    weights: model,
    groups: [{ name: '', parameters: model.trainableVariables(), rate: 1 }],
    loss: vocoLoss(model),
    dispose: () => model.dispose(),
  };
}

const percent = (value: number | undefined): string => formatPercent(value ?? NaN, 0);

/** VoCo: where does a random crop lie among the base crops of its volume. */
export const vocoTask: TrainingTask<VocoConfig, Case, CropBatch> = {
  findCases: findUnlabelledCases,
  checks({ method: { grid, gridPlace, crop, cropMm } }) {
    if (gridPlace === 'random') return {};
    if (cropMm) return { places: { grid, cropMm } };
    return {
      gridSize: [grid[0] * crop[0], grid[1] * crop[1], grid[2] * crop[2]],
      gridReason: { text: `${formatSize(grid)} crops of ${formatSize(crop)}`, path: ['method', 'grid'] },
    };
  },
  cost({ method, network, train }) {
    const { parameters, trainingBytes, backwardBytes, forwardFlops } = estimate(network, method.input);
    const needs = teacherNeeds(objectiveDescriptors.get(method.objective), method.teacher);
    const { pooledSize } = createEncoder(network, { seed: 0, describeOnly: true });
    const projector = projectorParameters(pooledSize, method.projector);
    const bases = voxelCount(method.grid);
    return {
      parameters: parameters + projector,
      rowsPerStep: train.batch * (method.randomCrops + bases),
      rowBytes: trainingBytes,
      workBytes: backwardBytes,
      inputBytes: 4 * network.inChannels * voxelCount(method.input),
      rowFlops: forwardFlops,
      followers: needs.teacherEncoder ? 1 : 0,
      followedParameters: (needs.teacherEncoder ? parameters : 0) + (needs.teacherProjector ? projector : 0),
      tied: true,
    };
  },
  samplerSettings: loaderSettings,
  network: ({ network, seed }, describeOnly) => createEncoder(network, { seed, describeOnly }),
  trialBatch: noise,
  build: ({ config }) => build(config),
  best: vocoDescriptor.best,
  checkpointAtValidation: false,
  describeBatch: ({ centres }) => ({ centres: Array.from(centres) }),
  summary(scalars, validation) {
    const own = `loss ${scalars.loss?.toFixed(4)} · position ${percent(scalars.accuracy)}`;
    if (!validation) return own;
    return `${own} · held out: loss ${validation.loss?.toFixed(4)}, position ${percent(validation.accuracy)}`;
  },
};
