import { resolveTask, type FinetuneConfig } from '../../config';
import { cacheFolder } from '../../data/cache';
import { cropTraits } from '../../data/channels';
import type { Case } from '../../data/datalist';
import type { LabelDemands } from '../../data/judge';
import { LabelledStore, makeLabelCodes, type LabelCodes, type LabelledStoreSettings } from '../../data/labelled';
import { voxelCount } from '../../geometry';
import { createSegmenter, estimate, workBytes, type Segmenter } from '../../nets';
import type { BuildParts, TrainedModel, TrainingTask } from '../../tasks';
import { findLabelledCases } from '../cases';
import { trainedGroups } from '../groups';
import { noise } from '../trial';
import { segmentationDescriptor } from './descriptor';
import { lossOptions, segmentationLoss } from './loss';
import type { LabelledBatch, SegmentationSettings } from './sampler';
import { validateSegmentation } from './validate';

/** Preprocessed volumes kept in memory, bytes: of training, and of validation. */
const TRAIN_MEMORY = 2 ** 31;
const VALIDATION_MEMORY = 2 ** 29;
const FLOAT = 4;
/** Arrays of the size of the logits that the loss and its gradient keep. */
const LOSS_COPIES = 6;

/** How the labels of a config's task are kept in memory. */
export function taskCodes(config: FinetuneConfig): LabelCodes {
  const { classes, output } = resolveTask(config.task);
  return makeLabelCodes(classes, output === 'sigmoid', config.task);
}

/** What the label maps of a config must hold. */
function labelDemands({ task, data }: FinetuneConfig): LabelDemands {
  return {
    classes: resolveTask(task).classes.map(({ name, values }) => ({ name, values })),
    unlisted: task.unlisted,
    ignore: task.ignore ?? null,
    onImageGrid: data.labelsOnImageGrid,
  };
}

export function buildNetwork(config: FinetuneConfig, describeOnly = false): Segmenter {
  const { outChannels } = resolveTask(config.task);
  return createSegmenter(config.network, outChannels, { seed: config.seed, describeOnly });
}

/** @param purpose volumes to train on are padded to the size of a crop; of others every voxel is measured. */
function storeSettings(config: FinetuneConfig, purpose: 'train' | 'validation'): LabelledStoreSettings {
  const { preprocess, channel, cache, labelsOnImageGrid } = config.data;
  return {
    preprocess,
    channel,
    cacheFolder: cache.enabled ? cacheFolder(cache.folder) : null,
    memoryBytes: purpose === 'train' ? TRAIN_MEMORY : VALIDATION_MEMORY,
    codes: taskCodes(config),
    onImageGrid: labelsOnImageGrid,
    padTo: purpose === 'train' ? config.crops.size : null,
  };
}

function samplerSettings(config: FinetuneConfig): SegmentationSettings {
  const { crops, augment } = config;
  return { crops, augment, store: storeSettings(config, 'train'), ...cropTraits(config.data) };
}

/** Crops of noise, all of them background. */
function trialBatch(config: FinetuneConfig, crops: number): LabelledBatch {
  const { size } = config.crops;
  const codes = new Uint8Array(crops * size[0] * size[1] * size[2]);
  const labelled = new Uint8Array(crops * resolveTask(config.task).classes.length).fill(1);
  return { ...noise(config, crops), crops, cropShape: size, codes, labelled, centres: new Float64Array(3 * crops) };
}

function build(parts: BuildParts<FinetuneConfig, Case>): TrainedModel<LabelledBatch> {
  const { config, cases, onWarning } = parts;
  const network = buildNetwork(config);
  network.checkSize(config.crops.size);
  const codes = taskCodes(config);
  const store = new LabelledStore(storeSettings(config, 'validation'), onWarning);
  return {
    weights: network.parameters,
    transfer: network,
    ...trainedGroups(parts, network),
    loss: segmentationLoss(network, codes, lossOptions(config.loss, codes)),
    validate: (watched) => validateSegmentation({ network, cases: cases.validation, store, codes, config, watched }),
    dispose: () => network.parameters.dispose(),
  };
}

/** Every voxel gets a class (or several, where classes overlap). */
export const segmentationTask: TrainingTask<FinetuneConfig, Case, LabelledBatch> = {
  findCases: findLabelledCases,
  checks: (config) => ({ labels: labelDemands(config), early: true }),
  cost({ crops, train, task, network }) {
    const { outChannels } = resolveTask(task);
    const cost = estimate(network, crops.size, outChannels);
    const voxels = voxelCount(crops.size);
    return {
      parameters: cost.parameters,
      rowsPerStep: train.batch * crops.perVolume,
      rowBytes: cost.trainingBytes,
      workBytes: workBytes(cost, voxels * outChannels * FLOAT, LOSS_COPIES),
      inputBytes: voxels * (FLOAT * network.inChannels + 1),
      rowFlops: cost.forwardFlops,
      encoderFlops: estimate(network, crops.size).forwardFlops,
      followers: 0,
      tied: false,
    };
  },
  samplerSettings,
  network: buildNetwork,
  trialBatch,
  build,
  best: segmentationDescriptor.best,
  checkpointAtValidation: true,
  describeBatch: ({ centres }) => ({ centres: Array.from(centres) }),
  summary(scalars, validation) {
    const own = `loss ${scalars.loss?.toFixed(4)}`;
    return validation ? `${own} · held out: Dice ${validation.dice?.toFixed(4)}` : own;
  },
};
