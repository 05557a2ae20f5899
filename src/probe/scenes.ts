import type { Config } from '../config';
import { cropTraits, shownChannel } from '../data/channels';
import { type Case } from '../data/datalist';
import { LabelledStore, makeLabelCodes } from '../data/labelled';
import { storeSettings, VolumeStore } from '../data/volumeStore';
import { AXES, boxAround, mapAxes, type Vec3 } from '../geometry';
import type { ProbeTask } from '../protocol/probe';
import type { RandomStream } from '../random/random';
import type { Say } from '../train/types';
import { labelNames } from '../viewer/labels';
import { spatialPad, type Volume } from '../volume';

/** A crop, and the class that a probe is to tell. */
export interface Drawn {
  /** First voxel of its box. */
  readonly start: Vec3;
  readonly label: number;
}

/** A preprocessed volume, from which crops are drawn. */
export interface Scene {
  /** `[C, X, Y, Z]`, padded with zeros where it is smaller than a crop. */
  readonly image: Volume<Float32Array>;
  /** Nothing can be asked here: no organ lies where a crop can have its middle, or the crop fills the volume. */
  readonly barren: boolean;
  draw(random: RandomStream): Drawn;
}

/** Opens the volumes of cases. */
export interface Scenes {
  open(item: Case): Promise<Scene>;
  /** What classes are called. */
  namesOf(labels: readonly number[]): Promise<string[]>;
}

/** A byte a voxel holds the label values; larger ones are background. */
const MOST_LABEL = 254;
/** Places along an axis. */
const PLACES = 3;

const WORDS = ['low', 'middle', 'high'] as const;

/** Voxels at which the middle of a crop can lie, first and last along each axis. */
function middles(size: Vec3, crop: Vec3): { first: Vec3; last: Vec3 } {
  const first = mapAxes((axis) => Math.floor(crop[axis] / 2));
  return { first, last: mapAxes((axis) => size[axis] - crop[axis] + first[axis]) };
}

const sizeOf = ({ shape: [, x, y, z] }: Volume): Vec3 => [x, y, z];

/** The place of a crop along an axis that has so many places to start from: thirds, or the middle where it can hardly move. */
const placeOf = (start: number, starts: number): number =>
  starts < PLACES ? 1 : Math.floor((PLACES * start) / starts);

/** Crops anywhere; the class is the third of the way along each axis, 27 in all. */
function positionScene(whole: Volume<Float32Array>, crop: Vec3): Scene {
  const image = spatialPad(whole, crop);
  const size = sizeOf(image);
  const starts = mapAxes((axis) => size[axis] - crop[axis] + 1);
  return {
    image,
    barren: starts.every((count) => count < PLACES),
    draw(random) {
      const start = mapAxes((axis) => random.integer(0, starts[axis]));
      const [x, y, z] = mapAxes((axis) => placeOf(start[axis], starts[axis]));
      return { start, label: (x * PLACES + y) * PLACES + z };
    },
  };
}

/** Flat indices of the voxels of each label at which a crop can have its middle. */
function voxelsByLabel(codes: Uint8Array, size: Vec3, crop: Vec3): Map<number, Uint32Array> {
  const { first, last } = middles(size, crop);
  const found = new Map<number, number[]>();
  for (let x = first[0]; x <= last[0]; x++)
    for (let y = first[1]; y <= last[1]; y++)
      for (let z = first[2], at = (x * size[1] + y) * size[2] + z; z <= last[2]; z++, at++) {
        const code = codes[at]!;
        if (code === 0) continue;
        const known = found.get(code);
        if (known) known.push(at);
        else found.set(code, [at]);
      }
  const sorted = [...found].sort(([a], [b]) => a - b);
  return new Map(sorted.map(([code, places]) => [code, Uint32Array.from(places)]));
}

/** Crops around voxels of organs, each organ of the volume as often as another. */
function organScene(image: Volume<Float32Array>, codes: Uint8Array, crop: Vec3): Scene {
  const size = sizeOf(image);
  const voxels = [...voxelsByLabel(codes, size, crop)];
  return {
    image,
    barren: voxels.length === 0,
    draw(random) {
      const [label, places] = voxels[random.integer(0, voxels.length)]!;
      const at = places[random.integer(0, places.length)]!;
      const [x, rest] = [Math.floor(at / (size[1] * size[2])), at % (size[1] * size[2])];
      const middle: Vec3 = [x, Math.floor(rest / size[2]), rest % size[2]];
      return { start: boxAround(middle, crop).start, label };
    },
  };
}

function positionScenes(config: Config, crop: Vec3, onWarning: Say): Scenes {
  const store = new VolumeStore(storeSettings(config.data), onWarning);
  const words = (label: number): string =>
    [Math.floor(label / PLACES ** 2), Math.floor(label / PLACES) % PLACES, label % PLACES]
      .map((place, axis) => `${AXES[axis]} ${WORDS[place]}`)
      .join(', ');
  return {
    open: async (item) => positionScene(shownChannel(await store.load(item), cropTraits(config.data)), crop),
    namesOf: (labels) => Promise.resolve(labels.map(words)),
  };
}

function organScenes(config: Config, crop: Vec3, cases: readonly Case[], onWarning: Say): Scenes {
  const values = Array.from({ length: MOST_LABEL }, (_, i) => ({ name: String(i + 1), values: [i + 1] }));
  const codes = makeLabelCodes(values, false, { unlisted: 'background' });
  const onImageGrid = config.kind === 'finetune' && config.data.labelsOnImageGrid;
  const store = new LabelledStore({ ...storeSettings(config.data), codes, onImageGrid, padTo: crop }, onWarning);
  let highest = 0;
  return {
    async open(item) {
      const { image, codes: labels } = await store.load(item);
      highest = labels.reduce((most, label) => Math.max(most, label), highest);
      return organScene(shownChannel(image, cropTraits(config.data)), labels, crop);
    },
    async namesOf(labels) {
      const named = await labelNames(cases[0]!.label!, highest);
      return labels.map((label) => named(label).name);
    },
  };
}

/** How crops of some cases are drawn for what is asked. @param crop voxels of a preprocessed volume */
export function openScenes(
  task: ProbeTask,
  config: Config,
  crop: Vec3,
  cases: readonly Case[],
  onWarning: Say,
): Scenes {
  return task === 'organ' ? organScenes(config, crop, cases, onWarning) : positionScenes(config, crop, onWarning);
}
