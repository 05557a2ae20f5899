import { UserError } from '../errors/userError';
import type { ParameterSetOptions } from './parameters';
import { SwinUnetr, SwinUnetrEncoder } from './swin-unetr/swinUnetr';
import type { SwinOptions } from './swin-unetr/transformer';
import type { Encoder, NetworkConfig, Segmenter } from './types';
import { Unet, UnetEncoder } from './unet3d/unet3d';

/** A config's network section as Swin-UNETR's options, defaults filled in. */
export function swinOptions(config: NetworkConfig): SwinOptions {
  return {
    inChannels: config.inChannels ?? 1,
    featureSize: config.featureSize,
    depths: config.depths ?? [2, 2, 2, 2],
    heads: config.heads ?? [3, 6, 12, 24],
    useV2: config.useV2 ?? true,
  };
}

function checkChannels(name: string, channels: number): void {
  if (Number.isInteger(channels) && channels >= 1) return;
  throw new UserError(`${name}: ${channels} must be a whole number of at least 1`);
}

/**
 * The encoder of a config's network.
 *
 * @throws UserError for options that no such network can have.
 */
export function createEncoder(config: NetworkConfig, init: ParameterSetOptions): Encoder {
  const options = swinOptions(config);
  checkChannels('network.inChannels', options.inChannels);
  return config.name === 'swin-unetr' ? new SwinUnetrEncoder(options, init) : new UnetEncoder(options, init);
}

/** The segmentation network of a config; see {@link createEncoder}. */
export function createSegmenter(config: NetworkConfig, outChannels: number, init: ParameterSetOptions): Segmenter {
  const options = swinOptions(config);
  checkChannels('network.inChannels', options.inChannels);
  checkChannels('outChannels', outChannels);
  return config.name === 'swin-unetr'
    ? new SwinUnetr(options, outChannels, init)
    : new Unet(options, outChannels, init);
}

/** Trainable numbers of the encoder, or of the segmentation network where `outChannels` is given; takes no memory. */
export function countParameters(config: NetworkConfig, outChannels?: number): number {
  const init = { seed: 0, describeOnly: true };
  const network = outChannels === undefined ? createEncoder(config, init) : createSegmenter(config, outChannels, init);
  return network.parameters.count;
}
