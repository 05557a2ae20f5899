export type * from './descriptor';
export type * from './loss';
export { planRows, type Rows } from './rows';
export type * from './sampler';
export type * from './task';
