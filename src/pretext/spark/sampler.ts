import { maskedSample } from '../crops/masked';
import { cropSampler } from '../crops/sampler';
import type { SparkMethod } from './descriptor';

/**
 * The crop is masked before the network gets it. (nnssl gives the whole crop and masks the outputs of convolutions, so that a rim of
 * one voxel of each hidden cube reaches the visible side.)
 */
export const sparkSample = maskedSample<SparkMethod>(({ ratio }, random) => random.range(...ratio), 'hidden');

export const sparkSampler = cropSampler(sparkSample);
