import type { PretrainConfig } from './schema/pretrain';

export type { PretrainConfig, PretrainConfigInput } from './schema/pretrain';

/** A config with every default filled in, of any kind. */
export type Config = PretrainConfig;

export type DataConfig = PretrainConfig['data'];
export type SourceConfig = DataConfig['train'][number];
export type PreprocessConfig = DataConfig['preprocess'];
export type MethodConfig = PretrainConfig['method'];
export type AugmentConfig = MethodConfig['augment'];
export type NetworkConfig = PretrainConfig['network'];
export type OptimizerConfig = PretrainConfig['optimizer'];
export type ScheduleConfig = PretrainConfig['schedule'];
export type TrainConfig = PretrainConfig['train'];
