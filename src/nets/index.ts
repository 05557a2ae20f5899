export { Classifier } from './classifier';
export { countParameters, createEncoder, createSegmenter } from './create';
export { estimate, type NetworkEstimate } from './estimate';
export { Parameter, ParameterSet, type ParameterSetOptions } from './parameters';
export type { LoadOptions, LoadReport, StateEntry } from './state';
export type { Encoder, Network, NetworkConfig, Segmenter } from './types';
