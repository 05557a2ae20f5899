import type { OptimizerConfig, PretrainConfig } from '../../../config';
import { cacheFolder } from '../../../data/cache';
import { resolveSources, splitValidation, type Case } from '../../../data/datalist';
import { createCropLoader, type CropLoader, type LoaderSettings } from '../../../loader';
import {
  AdamW,
  constantRate,
  Sgd,
  warmupCosine,
  type Optimizer,
  type Parameters,
  type Schedule,
} from '../../../tensor/optim';
import { VocoModel } from '../model';

/** Preprocessed volumes that loader threads may keep in memory together, bytes. */
const VOLUME_MEMORY = 2 ** 31;

export interface Cases {
  readonly train: readonly Case[];
  readonly validation: readonly Case[];
}

/** The cases of a config's data section. @throws UserError naming the datalist or folder at fault. */
export async function findCases(config: PretrainConfig): Promise<Cases> {
  // Paths in a loaded config are absolute: the folder that relative ones would start from does not matter.
  const sources = (list: PretrainConfig['data']['train']) => resolveSources(list, '/', { labels: false });
  const train = await sources(config.data.train);
  if (config.data.validation.length > 0) return { train, validation: await sources(config.data.validation) };
  return splitValidation(train, config.data.validationFraction, config.seed);
}

export function buildModel(config: PretrainConfig): VocoModel {
  const { method } = config;
  return new VocoModel({
    network: config.network,
    objective: method.objective,
    seed: config.seed,
    projector: method.projector,
    teacherMomentum: method.teacherMomentum,
    teacherInit: method.teacherInit,
    weights: {
      regularizerWeight: method.regularizerWeight,
      interVolumeWeight: method.interWeight,
      featureDropout: method.featureDropout,
    },
  });
}

export function buildOptimizer(config: OptimizerConfig, model: VocoModel): Optimizer {
  const parameters: Parameters = new Map(model.trainableVariables().map(({ name, variable }) => [name, variable]));
  if (config.name === 'sgd') {
    return new Sgd(parameters, { momentum: config.momentum, weightDecay: config.weightDecay });
  }
  const { eps, weightDecay, amsgrad } = config;
  return new AdamW(parameters, { betas: [config.betas[0], config.betas[1]], eps, weightDecay, amsgrad });
}

/** The learning rate by step: after the warm-up the cosine ends at `minLr` instead of 0. */
export function buildSchedule(config: PretrainConfig): Schedule {
  const { lr } = config.optimizer;
  const { name, warmupSteps, minLr } = config.schedule;
  if (name === 'constant') return constantRate(lr);
  const cosine = warmupCosine({ baseRate: lr, warmupSteps, totalSteps: config.train.steps });
  return (step) => (step < warmupSteps ? cosine(step) : minLr + cosine(step) * (1 - minLr / lr));
}

export function loaderSettings(config: PretrainConfig): LoaderSettings {
  const { data, method } = config;
  return {
    grid: method.grid,
    crop: method.crop,
    input: method.input,
    randomCrops: method.randomCrops,
    augment: method.augment,
    store: {
      preprocess: data.preprocess,
      channel: data.channel,
      cacheFolder: data.cache.enabled ? cacheFolder(data.cache.folder) : null,
      memoryBytes: VOLUME_MEMORY,
    },
  };
}

export function buildLoader(
  config: PretrainConfig,
  train: readonly Case[],
  startStep: number,
  onWarning: (message: string) => void,
): CropLoader {
  return createCropLoader({
    cases: train,
    settings: loaderSettings(config),
    seed: config.seed,
    batch: config.train.batch,
    workers: config.data.workers,
    prefetch: config.data.prefetch,
    startStep,
    onWarning,
  });
}
