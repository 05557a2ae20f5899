import { RandomStream } from '../random/random';
import { listOf, plural } from '../text';
import type { PreprocessSettings, Volume } from '../volume';

/** `data.channel` of a config: one channel of each image, all as channels of the input, or another one for each crop. */
export type ChannelSetting = number | 'all' | 'random';

/** Channels that are read of an image. */
export type StoredChannel = number | 'all';

export const channelToRead = (channel: ChannelSetting): StoredChannel => (channel === 'random' ? 'all' : channel);

/** What the data section of a config means for each crop. Plain data: it is sent to loader threads. */
export interface CropTraits {
  /** A crop shows one of the channels, drawn for it. */
  readonly randomChannel?: boolean;
  /** Voxels of exactly 0 are background and stay so, whatever is done to intensities. */
  readonly keepZero?: boolean;
}

/** Whether intensities are those of the voxels that are not 0: what is 0 is background, and stays so. */
export const keepsZero = ({ intensity }: Pick<PreprocessSettings, 'intensity'>): boolean =>
  intensity !== null && 'nonzero' in intensity && intensity.nonzero;

export function cropTraits(data: {
  readonly channel: ChannelSetting;
  readonly preprocess: Pick<PreprocessSettings, 'intensity'>;
}): CropTraits {
  return {
    ...(data.channel === 'random' && { randomChannel: true }),
    ...(keepsZero(data.preprocess) && { keepZero: true }),
  };
}

/** One channel of a volume `[C, X, Y, Z]`, as one of its own; the voxels are shared. */
export function oneChannel<V extends Volume<Float32Array>>(volume: V, channel: number): V {
  const [channels, ...size] = volume.shape;
  if (channels === 1) return volume;
  const length = volume.data.length / channels;
  return { ...volume, data: volume.data.subarray(channel * length, (channel + 1) * length), shape: [1, ...size] };
}

const known = new WeakMap<Float32Array, readonly number[]>();

/** Channels that hold an image: a sequence that was not taken is one value everywhere. All, where none does. */
export function heldChannels({ data, shape }: Volume<Float32Array>): readonly number[] {
  let held = known.get(data);
  if (!held) {
    const all = Array.from({ length: shape[0] }, (_, channel) => channel);
    const length = data.length / shape[0];
    const differs = (channel: number): boolean =>
      data.subarray(channel * length, (channel + 1) * length).some((value, _, own) => value !== own[0]);
    held = shape[0] === 1 ? all : all.filter(differs);
    if (held.length === 0) held = all;
    known.set(data, held);
  }
  return held;
}

/** The stream that chooses a crop's channel, beside those of its place and augmentation. */
const CHANNEL = 8;

/**
 * What a crop is cut from: the volume, or one of its channels that hold an image, with its number then.
 *
 * @param stream path of the crop's random streams
 */
export function channelFor<V extends Volume<Float32Array>>(
  volume: V,
  { randomChannel }: CropTraits,
  stream: readonly number[],
): { readonly volume: V; readonly channel?: number } {
  if (!randomChannel || volume.shape[0] === 1) return { volume };
  const held = heldChannels(volume);
  const channel = held[new RandomStream(...stream, CHANNEL).integer(0, held.length)]!;
  return { volume: oneChannel(volume, channel), channel };
}

/** What a network of one channel is shown of an image that is looked at by itself: its first sequence, where crops draw one. */
export function shownChannel(volume: Volume<Float32Array>, { randomChannel }: CropTraits): Volume<Float32Array> {
  return randomChannel ? oneChannel(volume, heldChannels(volume)[0]!) : volume;
}

/**
 * A preprocessed volume with the channels that its case lacks, in their places and 0 everywhere.
 *
 * @param volume `[C, X, Y, Z]` of the channels that are there
 * @param missing numbers of the others, rising
 */
export function withMissing<V extends Volume<Float32Array>>(volume: V, missing: readonly number[] = []): V {
  if (missing.length === 0) return volume;
  const [there, ...size] = volume.shape;
  const channels = there + missing.length;
  const length = volume.data.length / there;
  const data = new Float32Array(channels * length);
  const places = Array.from({ length: channels }, (_, channel) => channel).filter((one) => !missing.includes(one));
  places.forEach((channel, i) => data.set(volume.data.subarray(i * length, (i + 1) * length), channel * length));
  return { ...volume, data, shape: [channels, ...size] };
}

/** Channels as people read them: "channel 1", "channels 1 and 3". */
export const channelsText = (channels: readonly number[]): string =>
  `${plural(channels.length, 'channel', 'channels')} ${listOf(channels.map(String), 'and')}`;
