import {
  changeIntensity,
  cutCrop,
  drawSpatial,
  NO_SPATIAL_AUGMENTATION,
  scaleRows,
  type Matrix3,
} from '../../data/augment';
import { channelFor, type CropTraits } from '../../data/channels';
import { mapAxes, voxelCount, type Box, type Vec3 } from '../../geometry';
import { RandomStream } from '../../random/random';
import type { PreparedVolume } from '../../data/regionMasks';
import type { CropMethod } from './settings';

/** Streams of one crop: where it lies, how it is augmented, and what the task does to it. */
const PLACE = 0;
const AUGMENT = 1;
const TASK = 2;
const INTENSITY = 3;

/** One crop of a volume: the number of its draw, and the path of the volume's random streams. */
export interface CropDraw {
  readonly volume: PreparedVolume;
  /** The other volumes of the batch, for tasks that mix two. */
  readonly others?: readonly PreparedVolume[];
  readonly stream: readonly number[];
  readonly number: number;
  /** False for held-out cases. */
  readonly augment: boolean;
  /** Voxels of exactly 0 are background, and stay so. */
  readonly keepZero?: boolean | undefined;
  /** What is to be told of the draw before what is done to the crop. */
  readonly told?: readonly string[];
  /** Where a person has moved the crop to, in the preview; absent: where the stream says. */
  readonly centre?: Vec3;
}

/** Numbers of second crops, apart from those of the first ones of a volume. */
const SECOND = 1_000_003;

/** The number of the crop that goes with another one: its partner, what is mixed with it. */
export const secondNumber = ({ number }: Pick<CropDraw, 'number'>): number => SECOND + number;

/**
 * The draw of a crop of volumes as they were loaded: of one of their channels, where each crop shows another one.
 *
 * @param traits what the config says of all crops
 */
export function drawOf(draw: CropDraw, traits: CropTraits): CropDraw {
  const { volume, others = [], stream, number } = draw;
  const own = channelFor(volume, traits, [...stream, number]);
  const second = [...stream, secondNumber(draw)];
  return {
    ...draw,
    volume: own.volume,
    others: others.map((other) => channelFor(other, traits, second).volume),
    keepZero: traits.keepZero,
    ...(own.channel !== undefined && { told: [`channel ${own.channel}`] }),
  };
}

/** A crop to mix with another one: of another volume of the batch, or elsewhere in the same one. */
export function otherDraw(draw: CropDraw, random: RandomStream): CropDraw {
  const { others = [], stream, augment, keepZero } = draw;
  const volume = others.length > 0 ? others[random.integer(0, others.length)]! : draw.volume;
  return { volume, stream, number: secondNumber(draw), augment, keepZero };
}

/** The random numbers of what the task does to a crop. */
export const taskStream = ({ stream, number }: CropDraw): RandomStream => new RandomStream(...stream, number, TASK);

/** Where a crop may begin along an axis: along one that is shorter than the crop, it lies in the middle of the padding. */
const lastStart = (length: number, size: number): number => length - size;

/**
 * The box of a crop: drawn, or as near as it can be to where a person has put it. It juts out of smaller volumes. With an anatomy
 * mask, one of its voxels is the centre, or as near to it as a box in the volume can be.
 */
export function boxOf(
  { volume, stream, number, centre }: Pick<CropDraw, 'volume' | 'stream' | 'number' | 'centre'>,
  size: Vec3,
): Box {
  const random = new RandomStream(...stream, number, PLACE);
  const around = centre ?? volume.anatomy?.at(random.uniform());
  const start = mapAxes((axis) => {
    const last = lastStart(volume.shape[axis + 1]!, size[axis]);
    const drawn = random.uniform();
    if (last < 0) return Math.ceil(last / 2);
    if (!around) return Math.floor(drawn * (last + 1));
    return Math.max(0, Math.min(last, Math.round(around[axis]) - Math.floor(size[axis] / 2)));
  });
  return { start, size };
}

/** A crop as the task takes it: cut, flipped, turned and zoomed. */
export interface CleanCrop {
  readonly box: Box;
  readonly size: Vec3;
  readonly channels: number;
  /** `[…size, C]`: without and with the augmentation. */
  readonly plain: () => Float32Array;
  readonly voxels: Float32Array;
  /** `[…size]`: 0 where an anonymisation removed something, which cannot be restored; undefined where the case has no such mask. */
  readonly kept: () => Uint8Array | undefined;
  /** What the augmentation did. */
  readonly words: readonly string[];
}

/**
 * Cuts a crop of the size of the method, with the augmentation of its draw.
 *
 * @param extent voxels of the volume that it shows, where it is resized
 */
export function cleanCrop(draw: CropDraw, method: CropMethod, extent: Vec3 = method.crop): CleanCrop {
  const size = method.crop;
  const box = boxOf(draw, extent);
  const channels = draw.volume.shape[0];
  const spatial = draw.augment
    ? drawSpatial(new RandomStream(...draw.stream, draw.number, AUGMENT), method.augment)
    : NO_SPATIAL_AUGMENTATION;
  // Around the middle of the box, which the crop shares.
  const start = mapAxes((axis) => box.start[axis] + (extent[axis] - size[axis]) / 2);
  const zoom = mapAxes((axis) => extent[axis] / size[axis]);
  const cut = (matrix = spatial.matrix): Float32Array => {
    const out = new Float32Array(voxelCount(size) * channels);
    cutCrop(draw.volume, start, size, scaleRows(matrix, zoom), out);
    return out;
  };
  const voxels = cut();
  const changes = draw.augment
    ? changeIntensity(
        (part) => new RandomStream(...draw.stream, draw.number, INTENSITY, part),
        method.augment.intensity,
        { voxels, size, channels, keepZero: draw.keepZero ?? false },
      )
    : [];
  const words = [...(draw.told ?? []), ...spatial.words, ...changes];
  const kept = () => keptVoxels(draw.volume, { start, size }, scaleRows(spatial.matrix, zoom));
  return { box, size, channels, plain: () => cut(NO_SPATIAL_AUGMENTATION.matrix), voxels, kept, words };
}

/** A voxel that was interpolated from this much of a removed one counts as removed. */
const TRACE = 1e-3;

/** The voxels of a crop that an anonymisation has left as they were. */
function keptVoxels(
  { shape, affine, anonymized }: PreparedVolume,
  { start, size }: Box,
  matrix: Matrix3,
): Uint8Array | undefined {
  if (!anonymized) return undefined;
  const removed = new Float32Array(voxelCount(size));
  cutCrop({ data: anonymized, shape: [1, shape[1], shape[2], shape[3]], affine }, start, size, matrix, removed);
  return Uint8Array.from(removed, (share) => (share > TRACE ? 0 : 1));
}

/** One row of a batch: what passes through the network, and what is asked of it. */
export interface CropRow {
  /** `[…size, C]` */
  readonly input: Float32Array;
  /** What the network is to give where that is an image, `[…size, C]`. */
  readonly target?: Float32Array;
  /** `[…size]`: 1 where the loss looks, 0 elsewhere. */
  readonly mask?: Uint8Array;
  /** `[…size]`: 0 where the loss never looks, whatever the mask says: an anonymisation removed something. */
  readonly kept?: Uint8Array | undefined;
  /** What the network is to give where that are whole numbers: classes of the row, or of each voxel. */
  readonly labels?: Uint8Array | readonly number[];
}

/** Where the loss looks, of one row or of several: not at what an anonymisation removed. Undefined: at all voxels. */
export function askedVoxels({ mask, kept }: Pick<CropRow, 'mask' | 'kept'>): Uint8Array | undefined {
  return mask && kept ? mask.map((value, i) => value * kept[i]!) : (mask ?? kept);
}

/** What a task makes of one crop. */
export interface CropSample {
  /** All of one size. */
  readonly rows: readonly CropRow[];
  /** Size of a row where it is not that of the crop. */
  readonly rowSize?: Vec3;
  readonly box: Box;
  /** The crop before anything was done to it. */
  readonly plain: () => Float32Array;
  /** What was done to it, in words. */
  readonly words: readonly string[];
}

/** A task's own part of the sampler: from a draw to what goes in and what is asked. Pure; all chance is in the draw's streams. */
export type MakeSample<Method extends CropMethod> = (draw: CropDraw, method: Method) => CropSample;
