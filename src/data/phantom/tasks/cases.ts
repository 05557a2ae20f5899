import { mapVec3, voxelCount, type Vec3 } from '../../../geometry';
import { RandomStream, streamId } from '../../../random/random';
import type { Volume } from '../../../volume/types';
import { phantomCase } from '../case';
import { insideOf, noisy, varied, type Ellipsoid } from './paint';

/** One synthetic case of a downstream task. */
export interface TaskCase {
  /** One volume, or one for each channel. */
  readonly images: readonly Volume<Int16Array>[];
  /** Absent for classification. */
  readonly label?: Volume<Uint8Array>;
  /** For classification. */
  readonly class?: number;
}

export interface TaskGrid {
  readonly size: Vec3;
  readonly spacing: Vec3;
}

type MakeCase = (seed: number, index: number, grid: TaskGrid) => TaskCase;

const LIVER = 6;

function affineOf({ size, spacing }: TaskGrid): Float64Array {
  const row = (axis: 0 | 1 | 2): number[] => {
    const values = [0, 0, 0, (-spacing[axis] * (size[axis] - 1)) / 2];
    values[axis] = spacing[axis];
    return values;
  };
  return Float64Array.from([...row(0), ...row(1), ...row(2), 0, 0, 0, 1]);
}

function volumeOf<T extends Int16Array | Uint8Array>(data: T, grid: TaskGrid): Volume<T> {
  return { data, shape: [1, ...grid.size], affine: affineOf(grid) };
}

/** An abdomen with labels for the spleen only. */
const spleen: MakeCase = (seed, index, { size, spacing }) => {
  const { image, label } = phantomCase(seed, index, size, spacing);
  return { images: [image], label: { ...label, data: label.data.map((value) => (value === 1 ? 1 : 0)) } };
};

/** An abdomen with one to three dark tumours in the liver: 1 liver, 2 tumour. */
const lits: MakeCase = (seed, index, { size, spacing }) => {
  const { image, label } = phantomCase(seed, index, size, spacing);
  const random = new RandomStream(seed, streamId('liver tumours'), index);
  const liver = [...label.data.keys()].filter((i) => label.data[i] === LIVER);
  const data = label.data.map((value) => (value === LIVER ? 1 : 0));
  const hounsfield = image.data.slice();
  const count = random.integer(1, 4);
  for (let n = 0; n < count; n++) {
    const at = liver[random.integer(0, liver.length)]!;
    const place: Vec3 = [Math.floor(at / (size[1] * size[2])), Math.floor(at / size[2]) % size[1], at % size[2]];
    const radius = random.range(9, 22);
    const axis = (k: 0 | 1 | 2): number => Math.max(radius, spacing[k]) / (spacing[k] * size[k]);
    const centre = mapVec3(place, (value, k) => (value + 0.5) / size[k]);
    insideOf({ centre, radii: [axis(0), axis(1), axis(2)] }, size, (i) => {
      if (data[i] === 0) return;
      if (data[i] === 1) hounsfield[i] = hounsfield[i]! - 55;
      data[i] = 2;
    });
  }
  return { images: [{ ...image, data: hounsfield }], label: { ...label, data } };
};

/** The parts of a heart with contrast agent: shape, label value, Hounsfield units; later ones lie over earlier ones. */
const HEART: readonly { shape: Ellipsoid; label: number; hounsfield: number }[] = [
  { shape: { centre: [0.5, 0.5, 0.5], radii: [0.46, 0.42, 0.48] }, label: 0, hounsfield: -850 },
  { shape: { centre: [0.5, 0.52, 0.48], radii: [0.33, 0.32, 0.38] }, label: 0, hounsfield: 40 },
  { shape: { centre: [0.38, 0.5, 0.42], radii: [0.15, 0.2, 0.22] }, label: 5, hounsfield: 120 },
  { shape: { centre: [0.38, 0.5, 0.43], radii: [0.09, 0.13, 0.16] }, label: 1, hounsfield: 350 },
  { shape: { centre: [0.6, 0.62, 0.4], radii: [0.13, 0.13, 0.18] }, label: 3, hounsfield: 260 },
  { shape: { centre: [0.42, 0.38, 0.66], radii: [0.12, 0.1, 0.11] }, label: 4, hounsfield: 340 },
  { shape: { centre: [0.66, 0.46, 0.58], radii: [0.1, 0.12, 0.13] }, label: 6, hounsfield: 240 },
  { shape: { centre: [0.52, 0.5, 0.76], radii: [0.06, 0.06, 0.17] }, label: 2, hounsfield: 380 },
  { shape: { centre: [0.44, 0.64, 0.74], radii: [0.07, 0.06, 0.13] }, label: 7, hounsfield: 280 },
];

const heart: MakeCase = (seed, index, grid) => {
  const random = new RandomStream(seed, streamId('heart'), index);
  const values = new Float32Array(voxelCount(grid.size)).fill(-950);
  const label = new Uint8Array(values.length);
  const contrast = random.range(0.85, 1.15);
  for (const part of HEART) {
    insideOf(varied(part.shape, random), grid.size, (i) => {
      values[i] = part.hounsfield > 100 ? part.hounsfield * contrast : part.hounsfield;
      label[i] = part.label;
    });
  }
  return { images: [volumeOf(noisy(values, random, 20), grid)], label: volumeOf(label, grid) };
};

/** Intensities in FLAIR, T1 with contrast agent, T1, T2 (the order of the released lists). */
const TISSUES = {
  brain: [420, 500, 520, 400],
  ventricle: [150, 220, 230, 900],
  oedema: [900, 430, 430, 780],
  necrosis: [600, 330, 330, 850],
  enhancing: [820, 980, 540, 700],
} as const;

const brain: MakeCase = (seed, index, grid) => {
  const random = new RandomStream(seed, streamId('brain'), index);
  const voxels = voxelCount(grid.size);
  const channels = [0, 1, 2, 3].map(() => new Float32Array(voxels));
  const label = new Uint8Array(voxels);
  const paint = (shape: Ellipsoid, tissue: readonly number[], value: number): void =>
    insideOf(shape, grid.size, (i) => {
      channels.forEach((channel, c) => (channel[i] = tissue[c]!));
      label[i] = value;
    });
  paint(varied({ centre: [0.5, 0.5, 0.5], radii: [0.42, 0.46, 0.42] }, random, 0.03), TISSUES.brain, 0);
  for (const side of [-1, 1]) {
    paint(varied({ centre: [0.5 + 0.07 * side, 0.5, 0.55], radii: [0.04, 0.15, 0.08] }, random), TISSUES.ventricle, 0);
  }
  const side = random.uniform() < 0.5 ? -1 : 1;
  const centre: Vec3 = [0.5 + side * random.range(0.14, 0.22), random.range(0.35, 0.65), random.range(0.4, 0.62)];
  const radius = random.range(0.12, 0.17);
  const ball = (share: number): Ellipsoid => ({
    centre,
    radii: [share * radius, share * radius * random.range(0.85, 1.15), share * radius],
  });
  paint(ball(1), TISSUES.oedema, 2);
  paint(ball(0.68), TISSUES.enhancing, 4);
  paint(ball(0.4), TISSUES.necrosis, 1);
  // Outside the head the sequences are exactly 0, as after skull stripping.
  const images = channels.map((channel) => {
    const scaled = noisy(channel, random, 25).map((value, i) => (channel[i] === 0 ? 0 : Math.max(1, value)));
    return volumeOf(scaled, grid);
  });
  return { images, label: volumeOf(label, grid) };
};

/** A chest: 0 common pneumonia (one dense focus), 1 COVID-19 (faint foci at the rim of both lungs), 2 normal. */
const chest: MakeCase = (seed, index, grid) => {
  const random = new RandomStream(seed, streamId('chest'), index);
  const kind = index % 3;
  const values = new Float32Array(voxelCount(grid.size)).fill(-1000);
  const paint = (shape: Ellipsoid, hounsfield: number, onlyLung = false): void =>
    insideOf(shape, grid.size, (i) => {
      if (!onlyLung || values[i]! < -700) values[i] = hounsfield;
    });
  paint({ centre: [0.5, 0.5, 0.5], radii: [0.47, 0.4, 0.7] }, 40);
  const lungs = [-1, 1].map((side) =>
    varied({ centre: [0.5 + 0.2 * side, 0.5, 0.5], radii: [0.15, 0.27, 0.42] }, random, 0.04),
  );
  lungs.forEach((lung) => paint(lung, -850));
  paint(varied({ centre: [0.46, 0.56, 0.42], radii: [0.12, 0.12, 0.16] }, random), 60);
  if (kind === 0) {
    const { centre, radii } = lungs[random.integer(0, 2)]!;
    const focus: Vec3 = [centre[0], centre[1] + random.range(-0.1, 0.1), centre[2] + random.range(-0.2, 0.1)];
    paint({ centre: focus, radii: [0.9 * radii[0], 0.12, 0.14] }, 20, true);
  }
  if (kind === 1) {
    for (const { centre, radii } of lungs) {
      for (let n = 0; n < 5; n++) {
        const angle = random.range(0, 2 * Math.PI);
        const rim: Vec3 = [
          centre[0] + 0.75 * radii[0] * Math.cos(angle),
          centre[1] + 0.75 * radii[1] * Math.sin(angle),
          centre[2] + random.range(-0.6, 0.6) * radii[2],
        ];
        paint({ centre: rim, radii: [0.06, 0.06, 0.07] }, -480, true);
      }
    }
  }
  return { images: [volumeOf(noisy(values, random, 25), grid)], class: kind };
};

/** What the generator makes for each task, and on which grid by default. */
export const TASK_CASES = {
  spleen: { make: spleen, grid: { size: [160, 160, 64], spacing: [2.4, 2.4, 5] } },
  lits: { make: lits, grid: { size: [160, 160, 64], spacing: [2.4, 2.4, 5] } },
  'mm-whs': { make: heart, grid: { size: [112, 112, 96], spacing: [1.5, 1.5, 1.5] } },
  brats21: { make: brain, grid: { size: [112, 128, 96], spacing: [1.5, 1.5, 1.5] } },
  'cc-ccii': { make: chest, grid: { size: [96, 96, 64], spacing: [4, 4, 5] } },
} as const satisfies Record<string, { make: MakeCase; grid: TaskGrid }>;

export type PhantomTask = keyof typeof TASK_CASES;
