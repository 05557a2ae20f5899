import type { NetworkConfig } from '../../src/nets';
import type { ResEncSection } from '../../src/nets/resenc-unet/descriptor';

/** The arguments of dynamic-network-architectures' ResidualEncoderUNet, as the fixtures give them. */
export interface ReferenceConfig {
  input_channels: number;
  features_per_stage: number[];
  kernel_sizes: number[][];
  strides: number[][];
  n_blocks_per_stage: number[];
  num_classes: number;
  n_conv_per_stage_decoder: number[];
  conv_bias: boolean;
}

/** The `network` section that builds the same. */
export const sectionOf = (config: ReferenceConfig): NetworkConfig & { name: 'resenc-unet' } => ({
  name: 'resenc-unet',
  stages: config.features_per_stage.length,
  features: config.features_per_stage,
  blocks: config.n_blocks_per_stage,
  kernels: config.kernel_sizes as ResEncSection['kernels'],
  strides: config.strides as ResEncSection['strides'],
  decoderConvs: config.n_conv_per_stage_decoder,
  convBias: config.conv_bias,
  inChannels: config.input_channels,
});

/** An entry of a listing: a key, a shape, and of which entry it is a second name. */
export type Listed = [key: string, shape: number[], of?: number];

export const canonical = (listing: readonly Listed[]): { name: string; shape: number[] }[] =>
  listing.filter(([, , of]) => of === undefined).map(([name, shape]) => ({ name, shape }));
