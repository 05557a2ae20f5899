export { benchData, type DataBench } from './data';
export { benchInference, type InferenceBench } from './inference';
export { benchAttention, benchConv, type KernelBench, type KernelTimes } from './kernels';
export type { BenchOptions, Timing } from './measure';
export { benchResEnc, type ResEncBench } from './resenc';
export { benchStep, type StepBench } from './step';
