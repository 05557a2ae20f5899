export type * from './answer';
export type * from './descriptor';
export type * from './loss';
export type * from './preview';
export { Modules, variablesOf, type Module, type NamedVariable } from './modules';
export { planRows, type Rows } from './rows';
export type * from './sampler';
export type * from './task';
