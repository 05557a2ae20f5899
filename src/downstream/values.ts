import type { FinetuneConfig } from '../config';
import { changeIntensity, type ValueCrop } from '../data/augment';
import { RandomStream } from '../random/random';

/** Streams of one crop, beside those of its place and its turns. */
const SCALE = 2;
const INTENSITY = 3;
const DROP = 4;

/** Channels of a crop that are not 0 everywhere. */
function heldIn({ voxels, channels }: ValueCrop): number[] {
  const held = new Set<number>();
  for (let i = 0; i < voxels.length && held.size < channels; i++) if (voxels[i] !== 0) held.add(i % channels);
  return [...held].sort((a, b) => a - b);
}

/** Sets channels to 0, each with a probability, as if its sequence had not been taken. One that holds something stays. */
function dropChannels(crop: ValueCrop, probability: number, random: RandomStream): void {
  const { voxels, channels } = crop;
  if (channels === 1 || probability === 0) return;
  const held = heldIn(crop);
  const kept = held[random.integer(0, held.length)];
  for (let channel = 0; channel < channels; channel++) {
    const dropped = random.uniform() < probability;
    if (dropped && channel !== kept) for (let i = channel; i < voxels.length; i += channels) voxels[i] = 0;
  }
}

/**
 * Changes the intensities of a crop of a fine-tuning, in place: by one factor and one offset for all voxels, in the ways of nnU-Net,
 * and by leaving out channels.
 *
 * @param shift what is added
 * @param stream path of the crop's random streams
 */
export function changeValues(
  crop: ValueCrop,
  { scaleIntensity: scale, intensity, dropChannel }: FinetuneConfig['augment'],
  shift: number,
  stream: readonly number[],
): void {
  const { voxels, keepZero } = crop;
  const random = new RandomStream(...stream, SCALE);
  const factor = random.uniform() < scale.prob ? random.range(-1, 1) * scale.amount : 0;
  // The released code scales before it shifts.
  if (factor !== 0 || shift !== 0)
    for (let i = 0; i < voxels.length; i++)
      if (!(keepZero && voxels[i] === 0)) voxels[i] = voxels[i]! * (1 + factor) + shift;
  changeIntensity((part) => new RandomStream(...stream, INTENSITY, part), intensity, crop);
  dropChannels(crop, dropChannel, new RandomStream(...stream, DROP));
}
