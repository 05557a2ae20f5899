export { AdamW } from './adamw';
export type { AdamWOptions } from './inPlace';
export { LossScale } from './lossScale';
export { ScaledOptimizer } from './scaledOptimizer';
export type { Optimizer, Parameters } from './optimizer';
export { constantRate, linearRise, warmupCosine, warmupPoly, type Schedule } from './schedules';
export { Sgd, type SgdOptions } from './sgd';
export { clipGlobalNorm, emaUpdate, globalNorm, scaleGradients } from './updates';
