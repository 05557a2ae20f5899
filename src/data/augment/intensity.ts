import type { Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';
import { changeBias } from './biasField';

/**
 * Changes of intensity as nnU-Net and nnssl draw them (batchgenerators' GaussianNoise, GaussianBlur, BrightnessMultiplicative,
 * ContrastAugmentation, SimulateLowResolution, Gamma), and the bias field of MRI, each with a probability; `augment.intensity` of a
 * config.
 */
export interface IntensitySettings {
  readonly noise: number;
  readonly blur: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly lowResolution: number;
  readonly gamma: number;
  readonly biasField: number;
}

export const NO_INTENSITY: IntensitySettings = {
  noise: 0,
  blur: 0,
  brightness: 0,
  contrast: 0,
  lowResolution: 0,
  gamma: 0,
  biasField: 0,
};

/** The values of a crop `[…size, C]`. */
export interface ValueCrop {
  readonly voxels: Float32Array;
  readonly size: Vec3;
  readonly channels: number;
  /** Voxels of exactly 0 are background, as around a brain whose z-scores are those of its other voxels: they stay 0. */
  readonly keepZero?: boolean;
}

/** Weights of a Gaussian of standard deviation `sigma` voxels, cut off at three of them. */
function gaussian(sigma: number): Float64Array {
  const reach = Math.max(1, Math.ceil(3 * sigma));
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Blurs along one axis; what lies outside is taken as the voxel at the border. */
function blurAlong({ voxels, size, channels }: ValueCrop, axis: 0 | 1 | 2, weights: Float64Array): void {
  const stride = [size[1] * size[2], size[2], 1][axis]! * channels;
  const length = size[axis];
  const reach = (weights.length - 1) / 2;
  const line = new Float64Array(length);
  const lines = voxels.length / length;
  for (let number = 0; number < lines; number++) {
    const start = Math.floor(number / stride) * stride * length + (number % stride);
    for (let i = 0; i < length; i++) line[i] = voxels[start + i * stride]!;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = -reach; k <= reach; k++)
        sum += weights[k + reach]! * line[Math.max(0, Math.min(length - 1, i + k))]!;
      voxels[start + i * stride] = sum;
    }
  }
}

/** Takes every voxel from the nearest of a grid that is `factor` times as fine, as a coarser scan would have it. */
function coarsen({ voxels, size, channels }: ValueCrop, factor: number): void {
  const source = voxels.slice();
  const nearest = [0, 1, 2].map((axis) => {
    const length = size[axis as 0];
    const coarse = Math.max(1, Math.round(length * factor));
    return Int32Array.from({ length }, (_, i) => {
      const cell = Math.min(coarse - 1, Math.floor(((i + 0.5) * coarse) / length));
      return Math.min(length - 1, Math.floor(((cell + 0.5) * length) / coarse));
    });
  });
  let to = 0;
  for (let i = 0; i < size[0]; i++)
    for (let j = 0; j < size[1]; j++)
      for (let k = 0; k < size[2]; k++) {
        const from = ((nearest[0]![i]! * size[1] + nearest[1]![j]!) * size[2] + nearest[2]![k]!) * channels;
        for (let c = 0; c < channels; c++) voxels[to++] = source[from + c]!;
      }
}

interface Spread {
  readonly mean: number;
  readonly deviation: number;
  readonly low: number;
  readonly high: number;
}

/** Of one channel, from `first` on every `step`-th number. */
function spreadOf(voxels: Float32Array, first: number, step: number): Spread {
  let [sum, squares, low, high] = [0, 0, Infinity, -Infinity];
  for (let i = first; i < voxels.length; i += step) {
    const value = voxels[i]!;
    sum += value;
    squares += value * value;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const count = voxels.length / step;
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean ** 2)), low, high };
}

/** Moves values of a channel away from their mean, or towards it, within the range that they had. */
function changeContrast({ voxels, channels }: ValueCrop, channel: number, factor: number): void {
  const { mean, low, high } = spreadOf(voxels, channel, channels);
  for (let i = channel; i < voxels.length; i += channels)
    voxels[i] = Math.max(low, Math.min(high, mean + (voxels[i]! - mean) * factor));
}

/** A power of a channel's values within their range; mean and standard deviation stay. `inverted`: of the negative image. */
function changeGamma({ voxels, channels }: ValueCrop, channel: number, gamma: number, inverted: boolean): void {
  const before = spreadOf(voxels, channel, channels);
  const range = before.high - before.low;
  if (!(range > 0)) return;
  for (let i = channel; i < voxels.length; i += channels) {
    const share = (voxels[i]! - before.low) / range;
    const raised = inverted ? 1 - (1 - share) ** gamma : share ** gamma;
    voxels[i] = raised * range + before.low;
  }
  const after = spreadOf(voxels, channel, channels);
  const scale = after.deviation > 0 ? before.deviation / after.deviation : 1;
  for (let i = channel; i < voxels.length; i += channels) voxels[i] = (voxels[i]! - after.mean) * scale + before.mean;
}

interface Change {
  /** Number of its random stream. */
  readonly part: number;
  readonly probability: number;
  /** @returns what was done, in words */
  make(random: RandomStream): string;
}

/** Draws a number for each channel, and changes the channel with it. */
function byChannel(
  { channels }: ValueCrop,
  draw: () => number,
  change: (channel: number, drawn: number) => void,
): string {
  const drawn = Array.from({ length: channels }, draw);
  drawn.forEach((value, channel) => change(channel, value));
  return drawn.map((value) => value.toFixed(2)).join(', ');
}

function changes(settings: IntensitySettings, crop: ValueCrop): Change[] {
  const { voxels, channels } = crop;
  const gamma = (random: RandomStream, inverted: boolean): string => {
    const drawn = () => random.range(0.7, 1.5);
    const factors = byChannel(crop, drawn, (channel, factor) => changeGamma(crop, channel, factor, inverted));
    return `gamma ${factors}${inverted ? ' of the negative' : ''}`;
  };
  return [
    { part: 7, probability: settings.biasField, make: (random) => changeBias(crop, random) },
    { part: 0, probability: settings.noise, make: (random) => addNoise(voxels, random) },
    { part: 1, probability: settings.blur, make: (random) => blurCrop(crop, random.range(0.5, 1)) },
    {
      part: 2,
      probability: settings.brightness,
      make: (random) =>
        `brightness × ${byChannel(
          crop,
          () => random.range(0.75, 1.25),
          (channel, factor) => {
            for (let i = channel; i < voxels.length; i += channels) voxels[i]! *= factor;
          },
        )}`,
    },
    {
      part: 3,
      probability: settings.contrast,
      make: (random) =>
        `contrast × ${byChannel(
          crop,
          () => random.range(0.75, 1.25),
          (channel, factor) => changeContrast(crop, channel, factor),
        )}`,
    },
    {
      part: 4,
      probability: settings.lowResolution,
      make: (random) => {
        const factor = random.range(0.5, 1);
        coarsen(crop, factor);
        return `resolution × ${factor.toFixed(2)}`;
      },
    },
    { part: 5, probability: settings.gamma / 3, make: (random) => gamma(random, true) },
    { part: 6, probability: settings.gamma, make: (random) => gamma(random, false) },
  ];
}

function addNoise(voxels: Float32Array, random: RandomStream): string {
  const deviation = Math.sqrt(random.range(0, 0.1));
  for (let i = 0; i < voxels.length; i++) voxels[i]! += deviation * random.normal();
  return `noise of ${deviation.toFixed(2)}`;
}

function blurCrop(crop: ValueCrop, sigma: number): string {
  for (const axis of [0, 1, 2] as const) blurAlong(crop, axis, gaussian(sigma));
  return `blurred by ${sigma.toFixed(2)} voxels`;
}

/**
 * Draws and makes the changes of one crop, in place: the bias field first, which is of the scan, then the others in the order of
 * nnssl. Each has a stream of its own, so that switching one leaves the others as they were. Brightness, contrast and gamma are
 * drawn for each channel, as nnU-Net does; the others are alike for all.
 *
 * @returns what was done, in words
 */
export function changeIntensity(
  stream: (part: number) => RandomStream,
  settings: IntensitySettings,
  crop: ValueCrop,
): string[] {
  const { voxels, keepZero } = crop;
  const words: string[] = [];
  // Found when something is changed: in most crops nothing is.
  let background: Uint8Array | undefined;
  for (const { part, probability, make } of changes(settings, crop)) {
    const random = stream(part);
    if (random.uniform() >= probability) continue;
    if (keepZero) background ??= Uint8Array.from(voxels, (value) => (value === 0 ? 1 : 0));
    words.push(make(random));
  }
  background?.forEach((zero, i) => {
    if (zero) voxels[i] = 0;
  });
  return words;
}
