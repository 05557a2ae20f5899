import type { CropTraits } from '../data/channels';
import { imageFiles, type Case } from '../data/datalist';
import { UserError } from '../errors/userError';
import type { Volume } from '../volume';

/** Room for so many numbers, in memory that a batch before has left where that is as large. */
export function floats(length: number, reuse: ArrayBuffer | undefined): Float32Array {
  return reuse?.byteLength === 4 * length ? new Float32Array(reuse) : new Float32Array(length);
}

/**
 * All volumes of a batch have as many channels, unless each crop shows one of them.
 *
 * @param volume of the case `item`
 * @param first case of the batch, and its channels
 * @throws UserError naming both files
 */
export function requireSameChannels(
  volume: Pick<Volume, 'shape'>,
  item: Pick<Case, 'image'>,
  first: { readonly item: Pick<Case, 'image'>; readonly channels: number },
  { randomChannel }: CropTraits,
): void {
  const [channels] = volume.shape;
  if (randomChannel || channels === first.channels) return;
  throw new UserError(
    `${imageFiles(item)[0]}: ${channels} channels, but ${imageFiles(first.item)[0]} has ${first.channels}; ` +
      'all images of a run need the same number (see data.channel)',
  );
}
