export { AdamW, type AdamWOptions } from './adamw';
export type { Optimizer, Parameters } from './optimizer';
export { constantRate, linearWarmupCosineAnnealing, warmupCosine, type Schedule } from './schedules';
export { Sgd, type SgdOptions } from './sgd';
export { clipGlobalNorm, emaUpdate, globalNorm } from './updates';
