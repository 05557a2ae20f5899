import { resolveTask, type FinetuneConfig } from '../config';
import { cacheFolder } from '../data/cache';
import type { ClassifiedCase } from '../data/classified';
import { VolumeStore } from '../data/volumeStore';
import type { Schedule } from '../tensor/optim';
import type { TrainingBatch, TrainingTask } from '../train/loop';
import type { Say } from '../train/types';
import {
  buildClassifier,
  buildNetwork,
  buildStore,
  TRAIN_MEMORY,
  taskCodes,
  type Cases,
  type Trainable,
  type Trained,
} from './build';
import { ClassifiedLoader, validationInput, type ClassifiedBatch } from './classification/batch';
import { ClassificationTask, inputOf } from './classification/task';
import { LabelledLoader, type LabelledBatch } from './segmentation/batch';
import { FinetuneStep, lossOptions } from './segmentation/step';
import { SegmentationTask } from './segmentation/task';

/** What a task is trained with, once its optimizer is there. */
export interface RecipeParts {
  readonly trained: Trained;
  readonly schedule: Schedule;
  /** Update before a step's numbers are known. */
  readonly readLate: boolean;
  readonly startStep: number;
  readonly onWarning: Say;
}

/** How one kind of task is trained. */
export interface Recipe<Batch extends TrainingBatch> {
  readonly network: Trainable;
  /** The validation score that says which checkpoint is best. */
  readonly score: string;
  task(parts: RecipeParts): TrainingTask<Batch>;
  /** What a new run does once, after the weights are there. */
  prepare?(onWarning: Say): Promise<void>;
}

/** Whether volumes are classified as a whole, instead of segmented. */
export const isClassification = ({ task }: FinetuneConfig): boolean => resolveTask(task).output === 'classification';

/** @param microBatch crops in memory at a time */
export function segmentation(config: FinetuneConfig, cases: Cases, microBatch: number): Recipe<LabelledBatch> {
  const network = buildNetwork(config);
  const codes = taskCodes(config);
  return {
    network,
    score: 'dice',
    task: ({ trained, schedule, readLate, startStep, onWarning }) => {
      const { seed } = config;
      const { batch } = config.train;
      const { clipNorm } = config.optimizer;
      const loss = lossOptions(config.loss, codes);
      const step = new FinetuneStep({
        ...trained,
        network,
        schedule,
        codes,
        loss,
        microBatch,
        clipNorm,
        readLate,
      });
      const store = buildStore(config, 'train', onWarning);
      const loader = new LabelledLoader({ cases: cases.train, store, config, seed, batch, startStep });
      const held = buildStore(config, 'validation', onWarning);
      const validation = { network, cases: cases.validation, store: held, codes, config };
      return new SegmentationTask({ network, optimizer: trained.optimizer, step, loader, validation });
    },
  };
}

/** Volumes that say how the features of a classifier are distributed. */
const FEATURE_CASES = 32;

/** Preprocessed volumes of a config without labels. */
export function classifierStore(config: FinetuneConfig, onWarning: Say): VolumeStore {
  const { preprocess, channel, cache } = config.data;
  const folder = cache.enabled ? cacheFolder(cache.folder) : null;
  return new VolumeStore({ preprocess, channel, cacheFolder: folder, memoryBytes: TRAIN_MEMORY }, onWarning);
}

export function classification(config: FinetuneConfig, cases: Cases<ClassifiedCase>): Recipe<ClassifiedBatch> {
  const network = buildClassifier(config);
  const fitFeatures = (store: VolumeStore): Promise<void> => {
    const left = cases.train.slice(0, FEATURE_CASES);
    return network.fitFeatures(async () => {
      // Lets signals and the control socket in: kernels block this thread.
      await new Promise((done) => setImmediate(done));
      const item = left.shift();
      return item && inputOf(await validationInput(item, store, config));
    });
  };
  return {
    network,
    score: 'accuracy',
    prepare: (onWarning) => fitFeatures(classifierStore(config, onWarning)),
    task: ({ trained, startStep, onWarning, ...parts }) => {
      const store = classifierStore(config, onWarning);
      const { seed } = config;
      const { batch } = config.train;
      const loader = new ClassifiedLoader({ cases: cases.train, store, config, seed, batch, startStep });
      const { validation } = cases;
      const fit = (): Promise<void> => fitFeatures(store);
      return new ClassificationTask({
        ...trained,
        ...parts,
        config,
        network,
        loader,
        validation,
        store,
        fitFeatures: fit,
      });
    },
  };
}
