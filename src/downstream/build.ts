import { resolveTask, type FinetuneConfig, type OptimizerConfig } from '../config';
import { cacheFolder } from '../data/cache';
import { classifiedCases, type ClassifiedCase } from '../data/classified';
import { resolveSources, splitValidation, type Case } from '../data/datalist';
import { LabelledStore, makeLabelCodes, trainingSubset, type LabelCodes } from '../data/labelled';
import { Classifier, createSegmenter, type Network, type Segmenter } from '../nets';
import type { Parameter } from '../nets/parameters';
import { AdamW, Sgd, type Optimizer, type Parameters } from '../tensor/optim';
import type * as tf from '../tensor/tf';
import { GroupedOptimizer, type OptimizerGroup } from './groupedOptimizer';

/** Preprocessed volumes kept in memory, bytes: of training, and of validation. */
export const TRAIN_MEMORY = 2 ** 31;
const VALIDATION_MEMORY = 2 ** 29;

export interface Cases<C extends Case = Case> {
  readonly train: readonly C[];
  readonly validation: readonly C[];
}

/** What is trained: a network that knows which of its parameters pre-training learns. */
export interface Trainable extends Network {
  isEncoderParameter(name: string): boolean;
  /** Left out: everything is trained. */
  isTrained?(name: string): boolean;
}

/**
 * The labelled cases of a config, after `data.fraction` or `data.cases`; held-out cases are set aside before.
 *
 * @throws UserError naming the datalist or folder at fault
 */
export async function findLabelledCases({ data, seed }: FinetuneConfig): Promise<Cases> {
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  const sources = (list: typeof data.train) => resolveSources(list, '/', { labels: true });
  const all = await sources(data.train);
  const split =
    data.validation.length > 0
      ? { train: all, validation: await sources(data.validation) }
      : splitValidation(all, data.validationFraction, seed);
  return { train: trainingSubset(split.train, data, seed), validation: split.validation };
}

/** The cases of a classification: as {@link findLabelledCases}, from CSV lists. */
export async function findClassifiedCases({ data, seed, task }: FinetuneConfig): Promise<Cases<ClassifiedCase>> {
  const { classes } = resolveTask(task);
  const all = await classifiedCases(data.train, classes);
  const split =
    data.validation.length > 0
      ? { train: all, validation: await classifiedCases(data.validation, classes) }
      : splitValidation(all, data.validationFraction, seed);
  return { train: trainingSubset(split.train, data, seed), validation: split.validation };
}

/** How a config's task holds its labels in memory. */
export function taskCodes(config: FinetuneConfig): LabelCodes {
  const { classes, output } = resolveTask(config.task);
  return makeLabelCodes(classes, output === 'sigmoid', config.task.unlisted);
}

export function buildNetwork(config: FinetuneConfig): Segmenter {
  return createSegmenter(config.network, resolveTask(config.task).outChannels, { seed: config.seed });
}

export function buildClassifier(config: FinetuneConfig): Classifier {
  return new Classifier(config.network, resolveTask(config.task).classes.length, { seed: config.seed });
}

/** @param purpose volumes to train on are padded to the size of a crop; of others every voxel is measured. */
export function buildStore(
  config: FinetuneConfig,
  purpose: 'train' | 'validation',
  onWarning: (message: string) => void,
): LabelledStore {
  const { preprocess, channel, cache } = config.data;
  const settings = {
    preprocess,
    channel,
    cacheFolder: cache.enabled ? cacheFolder(cache.folder) : null,
    memoryBytes: purpose === 'train' ? TRAIN_MEMORY : VALIDATION_MEMORY,
    codes: taskCodes(config),
    padTo: purpose === 'train' ? config.crops.size : null,
  };
  return new LabelledStore(settings, onWarning);
}

function optimizerOf(config: OptimizerConfig, parameters: readonly Parameter[]): Optimizer {
  const named: Parameters = new Map(parameters.map(({ name, variable }) => [name, variable]));
  const { momentum, weightDecay, betas, eps, amsgrad } = config;
  if (config.name === 'sgd') return new Sgd(named, { momentum, weightDecay });
  return new AdamW(named, { betas: [betas[0], betas[1]], eps, weightDecay, amsgrad });
}

/** What is trained, and the optimizer of it. */
export interface Trained {
  readonly optimizer: Optimizer;
  /** What a step trains, in the order of the optimizer; `step` is the number of steps done before. */
  readonly variablesAt: (step: number) => readonly tf.Variable[];
}

/**
 * The encoder with a rate of its own, frozen or frozen at first, and the rest.
 *
 * @param totalSteps optimizer steps of the whole run
 */
export function buildOptimizer(config: FinetuneConfig, network: Trainable, totalSteps: number): Trained {
  const { checkpoint, freezeEncoder, freezeFor, encoderRate } = config.init;
  const trained = network.parameters.all.filter(({ name }) => network.isTrained?.(name) ?? true);
  const encoder = freezeEncoder ? [] : trained.filter(({ name }) => network.isEncoderParameter(name));
  const rest = trained.filter(({ name }) => !network.isEncoderParameter(name));
  const group = (name: string, parameters: readonly Parameter[], rate: number): OptimizerGroup[] =>
    parameters.length === 0
      ? []
      : [{ name, optimizer: optimizerOf(config.optimizer, parameters), size: parameters.length, rate }];
  // The encoder is last: in steps that freeze it there are gradients of the rest alone.
  const groups = [...group('decoder', rest, 1), ...group('encoder', encoder, encoderRate)];
  const decoder = rest.map(({ variable }) => variable);
  const all = [...decoder, ...encoder.map(({ variable }) => variable)];
  // Random weights have nothing to keep.
  const frozen = checkpoint === null ? 0 : Math.round(freezeFor * totalSteps);
  return { optimizer: new GroupedOptimizer(groups), variablesAt: (step) => (step < frozen ? decoder : all) };
}
