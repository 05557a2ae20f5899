import { NO_AUGMENTATION, drawAugmentation, sampleCrop, type Augmentation } from '../../data/augment';
import { channelFor } from '../../data/channels';
import { imageFiles } from '../../data/datalist';
import { VolumeStore } from '../../data/volumeStore';
import { BadCaseError, UserError } from '../../errors/userError';
import { boxAround, mapAxes, type Box, type Vec3 } from '../../geometry';
import { RandomStream } from '../../random/random';
import type { Sampler } from '../../tasks';
import type { PreparedVolume } from '../../data/regionMasks';
import { floats, requireSameChannels } from '../batches';
import { boxOf } from '../crops/sample';
import {
  baseBoxes,
  cropVoxels,
  drawCentre,
  gridAt,
  gridOnVolume,
  middleOf,
  positionLabel,
  type CropGrid,
} from './geometry';
import type { CropBatch } from './batch';
import type { CropSettings, LoaderSettings, VolumeDraw } from './settings';

/** Streams of one crop: where it lies, and how it is augmented. */
const PLACE = 0;
const AUGMENT = 1;
const INTENSITY = 2;

/** In place of the number of a crop: where the grid lies. */
const GRID = 1_000_004;

/**
 * The base crops of a volume.
 *
 * @param stream of the volume's random streams, for a grid that lies anywhere; without one it lies in the middle
 * @throws UsageError where the volume is smaller than a grid that must lie inside
 */
export function layGrid(
  volume: PreparedVolume,
  { gridPlace, ...settings }: Pick<CropSettings, 'grid' | 'crop' | 'cropMm' | 'gridPlace'>,
  stream?: readonly number[],
): CropGrid {
  if (gridPlace !== 'random') return gridOnVolume(volume, settings);
  const [, ...size] = volume.shape;
  const { grid } = settings;
  const crop = cropVoxels(volume, settings);
  const whole = mapAxes((axis) => grid[axis] * crop[axis]);
  const origin = stream ? boxOf({ volume, stream, number: GRID }, whole).start : middleOf(grid, crop, size);
  return gridAt(grid, crop, size, origin);
}

function gridFor(volume: PreparedVolume, draw: VolumeDraw, settings: CropSettings) {
  try {
    return layGrid(volume, settings, draw.stream);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const [image] = imageFiles(draw);
    throw new BadCaseError(`${image}: ${error.message}`, image!, { cause: error });
  }
}

/** A batch with room for all crops of `draws`. */
function emptyBatch(
  draws: readonly VolumeDraw[],
  channels: number,
  settings: CropSettings,
  reuse?: readonly ArrayBuffer[],
) {
  const randomCrops = draws.length * settings.randomCrops;
  const basesPerVolume = settings.grid[0] * settings.grid[1] * settings.grid[2];
  const cropLength = settings.input[0] * settings.input[1] * settings.input[2] * channels;
  return {
    volumes: draws.length,
    randomPerVolume: settings.randomCrops,
    basesPerVolume,
    cropShape: settings.input,
    channels,
    random: floats(randomCrops * cropLength, reuse?.[0]),
    bases: floats(draws.length * basesPerVolume * cropLength, reuse?.[1]),
    labels: new Float64Array(randomCrops * basesPerVolume),
    centres: new Float64Array(randomCrops * 3),
    cases: draws.map((draw) => imageFiles(draw)[0]!),
  } satisfies CropBatch;
}

/** Centre of the random crop number `crop` of a volume. */
export function randomCentre(
  draw: Pick<VolumeDraw, 'stream'>,
  crop: number,
  grid: CropGrid,
  { anatomy }: Pick<PreparedVolume, 'anatomy'>,
): Vec3 {
  return drawCentre(grid, new RandomStream(...draw.stream, crop, PLACE), anatomy);
}

/** Augmentation of a crop of a volume: random crops come first, then base crops in grid order. */
export function cropAugmentation(
  draw: Pick<VolumeDraw, 'stream'>,
  crop: number,
  settings: Pick<CropSettings, 'augment' | 'keepZero'>,
  square: boolean,
): Augmentation {
  const drawn = drawAugmentation(new RandomStream(...draw.stream, crop, AUGMENT), settings.augment, square);
  const { intensity } = settings.augment;
  if (!intensity || Object.values(intensity).every((probability) => probability === 0)) return drawn;
  const keepZero = settings.keepZero ?? false;
  return { ...drawn, intensity: { settings: intensity, stream: [...draw.stream, crop, INTENSITY], keepZero } };
}

function fillVolume(batch: CropBatch, b: number, volume: PreparedVolume, draw: VolumeDraw, settings: CropSettings) {
  const grid = gridFor(volume, draw, settings);
  const cropLength = batch.random.length / (batch.volumes * batch.randomPerVolume);
  const square = settings.input[0] === settings.input[1];
  const cut = (box: Box, crop: number, out: Float32Array, slot: number) => {
    const augmentation = draw.augment ? cropAugmentation(draw, crop, settings, square) : NO_AUGMENTATION;
    const shown = channelFor(volume, settings, [...draw.stream, crop]).volume;
    sampleCrop(shown, box.start, box.size, settings.input, augmentation, out, slot * cropLength);
  };
  for (let r = 0; r < settings.randomCrops; r++) {
    const centre = randomCentre(draw, r, grid, volume);
    const box = boxAround(centre, grid.crop);
    const slot = b * settings.randomCrops + r;
    batch.labels.set(positionLabel(box, grid), slot * grid.size);
    batch.centres.set(centre, 3 * slot);
    cut(box, r, batch.random, slot);
  }
  baseBoxes(grid).forEach((box, i) => cut(box, settings.randomCrops + i, batch.bases, b * grid.size + i));
}

/**
 * Makes a batch: loads the volumes, draws the random crops, cuts, resizes and augments all crops, each on its own.
 *
 * @throws UserError naming the file that cannot be read, is too small for the grid, or has another number of channels
 */
export async function assembleBatch(
  draws: readonly VolumeDraw[],
  store: VolumeStore,
  settings: CropSettings,
  reuse?: readonly ArrayBuffer[],
): Promise<CropBatch> {
  let batch: CropBatch | undefined;
  for (const [b, draw] of draws.entries()) {
    const volume = await store.load(draw);
    batch ??= emptyBatch(draws, settings.randomChannel ? 1 : volume.shape[0], settings, reuse);
    requireSameChannels(volume, draw, { item: draws[0]!, channels: batch.channels }, settings);
    fillVolume(batch, b, volume, draw, settings);
  }
  if (!batch) throw new Error('a batch needs at least one volume');
  return batch;
}

const buffersOf = (arrays: readonly (Float32Array | Float64Array)[]): ArrayBuffer[] =>
  arrays.map((array) => array.buffer as ArrayBuffer);

/** Random and base crops of whole volumes, with the position labels of the random ones. */
export const vocoSampler: Sampler<LoaderSettings, Pick<VolumeDraw, 'image' | 'regionMasks'>, CropBatch> = {
  open(settings, onWarning) {
    const store = new VolumeStore(settings.store, onWarning);
    return { make: (draws, reuse) => assembleBatch(draws, store, settings, reuse) };
  },
  transferables: ({ random, bases, labels, centres }) => buffersOf([random, bases, labels, centres]),
  memory: ({ random, bases }) => buffersOf([random, bases]),
};
