export { checkModel, type ModelSummary } from './check';
export { type Call, type Lowering, type LoweringTable } from './lowering';
export { OPSET, weightsBeside, writeModel, type ModelFacts } from './model';
export { INPUT, OUTPUT, traceNetwork, type Recordable } from './trace';
