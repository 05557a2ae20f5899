export { checkModel, type ModelSummary } from './check';
export { OPSET, weightsBeside, writeModel, type ModelFacts } from './model';
export { INPUT, OUTPUT, traceNetwork, type Recordable } from './trace';
