import { UserError } from '../errors/userError';
import { networkBuilders } from './builders';
import { problemText, type NetworkSection } from './descriptor';
import { describedSection, type NetworkConfig } from './descriptors';
import type { ParameterSetOptions } from './parameters';
import type {
  Encoder,
  NetworkBuilder,
  Segmenter,
  TokenAutoencoder,
  TokenEncoder,
  TokenSegmenter,
  VisibleSegmenter,
} from './types';

/** A `network` section: of one of our networks, or of one that was registered later. */
export type AnyNetwork = NetworkConfig | { readonly name: string; readonly inChannels?: number };

function checkChannels(name: string, channels: number): void {
  if (Number.isInteger(channels) && channels >= 1) return;
  throw new UserError(`${name}: ${channels} must be a whole number of at least 1`);
}

/** Both halves of a section's network. @throws UserError for keys that contradict each other */
export function networkOf(config: AnyNetwork): { builder: NetworkBuilder; section: NetworkSection } {
  const { descriptor, section } = describedSection(config);
  checkChannels('network.inChannels', section.inChannels);
  const wrong = descriptor.rules(section).find(({ severity }) => severity === 'error');
  if (wrong) throw new UserError(problemText(wrong));
  return { builder: networkBuilders.get(descriptor.name), section };
}

/**
 * The encoder of a config's network.
 *
 * @throws UserError for options that no such network can have.
 */
export function createEncoder(config: AnyNetwork, init: ParameterSetOptions): Encoder {
  const { builder, section } = networkOf(config);
  return builder.encoder(section, init);
}

/** The segmentation network of a config; see {@link createEncoder}. */
export function createSegmenter(config: AnyNetwork, outChannels: number, init: ParameterSetOptions): Segmenter {
  const { builder, section } = networkOf(config);
  checkChannels('outChannels', outChannels);
  return builder.segmenter(section, outChannels, init);
}

/** A segmentation network whose encoder can leave hidden voxels out. @throws UserError where the network cannot */
export function createVisibleSegmenter(
  config: AnyNetwork,
  outChannels: number,
  init: ParameterSetOptions,
): VisibleSegmenter {
  const { builder, section } = networkOf(config);
  if (!builder.visibleSegmenter) throw new UserError(`network.name: ${section.name} has no masked convolutions`);
  return builder.visibleSegmenter(section, outChannels, init);
}

/** An encoder whose patches can be hidden. @throws UserError where the network has no such patches */
export function createTokenEncoder(config: AnyNetwork, init: ParameterSetOptions): TokenEncoder {
  const { builder, section } = networkOf(config);
  if (!builder.tokenEncoder) throw new UserError(`network.name: ${section.name} has no tokens`);
  return builder.tokenEncoder(section, init);
}

/** A segmentation network whose patches can be hidden; undefined where the network has none, or only an encoder of that kind. */
export function createTokenSegmenter(
  config: AnyNetwork,
  outChannels: number,
  init: ParameterSetOptions,
): TokenSegmenter | undefined {
  const { builder, section } = networkOf(config);
  return builder.tokenSegmenter?.(section, outChannels, init);
}

/** A network whose encoder leaves hidden patches out; undefined where the network cannot. @param between starts what is added */
export function createTokenAutoencoder(
  config: AnyNetwork,
  outChannels: number,
  init: ParameterSetOptions,
  between: ParameterSetOptions,
): TokenAutoencoder | undefined {
  const { builder, section } = networkOf(config);
  return builder.tokenAutoencoder?.(section, outChannels, init, between);
}

/** How kernels that this network alone calls are written as ONNX. */
export const loweringsOf = (config: AnyNetwork): NetworkBuilder['lowerings'] => networkOf(config).builder.lowerings;

/** Trainable numbers of the encoder, or of the segmentation network where `outChannels` is given; takes no memory. */
export function countParameters(config: AnyNetwork, outChannels?: number): number {
  const init = { seed: 0, describeOnly: true };
  const network = outChannels === undefined ? createEncoder(config, init) : createSegmenter(config, outChannels, init);
  return network.parameters.count;
}
