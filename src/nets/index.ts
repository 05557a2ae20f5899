export { TrainingPass } from './batchNorm';
export {
  countParameters,
  createEncoder,
  createSegmenter,
  createTokenAutoencoder,
  createTokenEncoder,
  createTokenSegmenter,
  createVisibleSegmenter,
  loweringsOf,
  type AnyNetwork,
} from './build';
export { Classifier } from './classifier';
export { networkText, type NetworkConfig } from './descriptors';
export { estimate, estimateAutoencoder, workBytes, type NetworkEstimate } from './estimate';
export { ParameterSet, type ParameterSetOptions } from './parameters';
export type { LoadOptions, LoadReport, StateEntry } from './state';
export type {
  Encoder,
  Network,
  NetworkBuilder,
  Scale,
  Segmenter,
  TokenAutoencoder,
  TokenEncoder,
  VisibleSegmenter,
} from './types';
export { visibleNorm, VisibleVoxels } from './visible';
