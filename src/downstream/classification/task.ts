import { resolveTask, type FinetuneConfig } from '../../config';
import { cacheFolder } from '../../data/cache';
import { cropTraits } from '../../data/channels';
import type { ClassifiedCase } from '../../data/classified';
import { VolumeStore, type StoreSettings } from '../../data/volumeStore';
import { classificationScores } from '../../metrics';
import { voxelCount } from '../../geometry';
import { Classifier, estimate } from '../../nets';
import type { Watched } from '../../rpc/breath';
import type { BuildParts, Scalars, TrainedModel, TrainingTask } from '../../tasks';
import * as tf from '../../tensor/tf';
import { findClassifiedCases } from '../cases';
import { trainedGroups } from '../groups';
import { noise } from '../trial';
import { classificationDescriptor } from './descriptor';
import { classificationLoss, inputOf } from './loss';
import { validationInput, type ClassificationSettings, type ClassifiedBatch } from './sampler';

/** Preprocessed volumes kept in memory, bytes. */
const VOLUME_MEMORY = 2 ** 31;
/** Volumes that say how the features of a classifier are distributed. */
const FEATURE_CASES = 32;

export function buildClassifier(config: FinetuneConfig, describeOnly = false): Classifier {
  const { classes } = resolveTask(config.task);
  return new Classifier(config.network, classes.length, { seed: config.seed, describeOnly });
}

function storeSettings({ data: { preprocess, channel, cache } }: FinetuneConfig): StoreSettings {
  const folder = cache.enabled ? cacheFolder(cache.folder) : null;
  return { preprocess, channel, cacheFolder: folder, memoryBytes: VOLUME_MEMORY };
}

/** Preprocessed volumes of a config without labels. */
export function classifierStore(config: FinetuneConfig, onWarning: (message: string) => void): VolumeStore {
  return new VolumeStore(storeSettings(config), onWarning);
}

type Parts = BuildParts<FinetuneConfig, ClassifiedCase>;

/** Measures the statistics of the network's features on training volumes. */
function fitFeatures(
  network: Classifier,
  { config, cases }: Parts,
  store: VolumeStore,
  watched: Watched,
): Promise<void> {
  const left = cases.train.slice(0, FEATURE_CASES);
  const total = left.length;
  return network.fitFeatures(async () => {
    watched.tell('measuring features of training cases', 1 - left.length / total);
    await watched.giveWay();
    const item = left.shift();
    return item && inputOf(await validationInput(item, store, config));
  });
}

/**
 * Accuracy, F1 and AUC on the held-out volumes, without those that are undefined. Statistics of the features are measured
 * before: running ones lag behind weights that move fast, and classes that lie close together are then told apart at the
 * wrong place.
 */
async function validate(network: Classifier, parts: Parts, store: VolumeStore, watched: Watched): Promise<Scalars> {
  const { validation } = parts.cases;
  await fitFeatures(network, parts, store, watched);
  const rows: number[][] = [];
  for (const [i, item] of validation.entries()) {
    watched.tell(`validating case ${i + 1} of ${validation.length}`, i / validation.length);
    await watched.giveWay();
    const batch = await validationInput(item, store, parts.config);
    const logits = tf.tidy(() => network.forward(inputOf(batch)));
    rows.push(Array.from(await logits.data()));
    logits.dispose();
  }
  const truth = validation.map((item) => item.class);
  const scores = Object.entries(classificationScores(rows, truth));
  return Object.fromEntries(scores.filter(([, value]) => Number.isFinite(value))) as Scalars;
}

function build(parts: Parts): TrainedModel<ClassifiedBatch> {
  const { config, onWarning } = parts;
  const network = buildClassifier(config);
  network.checkSize(config.crops.size);
  const store = classifierStore(config, onWarning);
  const weights = config.loss.classWeights ?? Array.from({ length: network.classes }, () => 1);
  return {
    weights: network.parameters,
    transfer: network,
    ...trainedGroups(parts, network),
    loss: classificationLoss(network, weights),
    begin: (watched) => fitFeatures(network, parts, store, watched),
    validate: (watched) => validate(network, parts, store, watched),
    dispose: () => network.parameters.dispose(),
  };
}

/** Volumes of noise, all of the first class. */
function trialBatch(config: FinetuneConfig, volumes: number): ClassifiedBatch {
  return { ...noise(config, volumes), shape: config.crops.size, classes: new Array<number>(volumes).fill(0) };
}

/** Every volume gets one class. */
export const classificationTask: TrainingTask<FinetuneConfig, ClassifiedCase, ClassifiedBatch> = {
  findCases: findClassifiedCases,
  checks: () => ({ early: true }),
  cost({ crops, train, network }) {
    const { parameters, trainingBytes, backwardBytes, forwardFlops } = estimate(network, crops.size);
    return {
      parameters,
      rowsPerStep: train.batch,
      rowBytes: trainingBytes,
      workBytes: backwardBytes,
      inputBytes: 4 * network.inChannels * voxelCount(crops.size),
      rowFlops: forwardFlops,
      encoderFlops: forwardFlops,
      followers: 0,
      tied: true,
    };
  },
  samplerSettings: (config): ClassificationSettings => ({
    crops: config.crops,
    augment: config.augment,
    store: storeSettings(config),
    ...cropTraits(config.data),
  }),
  network: buildClassifier,
  trialBatch,
  build,
  best: classificationDescriptor.best,
  checkpointAtValidation: true,
  describeBatch: ({ classes }) => ({ classes }),
  summary(scalars, validation) {
    const own = `loss ${scalars.loss?.toFixed(4)}`;
    return validation ? `${own} · held out: accuracy ${validation.accuracy?.toFixed(4)}` : own;
  },
};
