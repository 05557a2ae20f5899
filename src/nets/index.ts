export { TrainingPass } from './batchNorm';
export {
  countParameters,
  createEncoder,
  createSegmenter,
  createTokenEncoder,
  createVisibleSegmenter,
  loweringsOf,
  type AnyNetwork,
} from './build';
export { Classifier } from './classifier';
export { networkText, type NetworkConfig } from './descriptors';
export { estimate, workBytes, type NetworkEstimate } from './estimate';
export { ParameterSet, type ParameterSetOptions } from './parameters';
export type { LoadOptions, LoadReport, StateEntry } from './state';
export type { Encoder, Network, NetworkBuilder, Scale, Segmenter, TokenEncoder, VisibleSegmenter } from './types';
export { visibleNorm, VisibleVoxels } from './visible';
