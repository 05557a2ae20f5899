import type { FinetuneConfig } from './schema/finetune';
import type { PretrainConfig } from './schema/pretrain';

export type { FinetuneConfig, FinetuneConfigInput } from './schema/finetune';
export type { PretrainConfig, PretrainConfigInput } from './schema/pretrain';

/** Configs with every default filled in, by kind. */
export interface ConfigByKind {
  pretrain: PretrainConfig;
  finetune: FinetuneConfig;
}

export type ConfigKind = keyof ConfigByKind;

/** A config with every default filled in, of any kind. */
export type Config = ConfigByKind[ConfigKind];

export type DataConfig = PretrainConfig['data'];
export type SourceConfig = DataConfig['train'][number];
export type PreprocessConfig = DataConfig['preprocess'];
export type MethodConfig = PretrainConfig['method'];
export type NetworkConfig = PretrainConfig['network'];
export type OptimizerConfig = PretrainConfig['optimizer'];
export type ScheduleConfig = PretrainConfig['schedule'];
export type TrainConfig = PretrainConfig['train'];

export type TaskConfig = FinetuneConfig['task'];
export type InferenceConfig = FinetuneConfig['inference'];
