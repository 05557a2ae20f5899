import type { Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';

/**
 * Changes of intensity as nnU-Net and nnssl draw them (batchgenerators' GaussianNoise, GaussianBlur, BrightnessMultiplicative,
 * ContrastAugmentation, SimulateLowResolution, Gamma), each with a probability; `method.augment.intensity` of the config.
 */
export interface IntensitySettings {
  readonly noise: number;
  readonly blur: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly lowResolution: number;
  readonly gamma: number;
}

export const NO_INTENSITY: IntensitySettings = {
  noise: 0,
  blur: 0,
  brightness: 0,
  contrast: 0,
  lowResolution: 0,
  gamma: 0,
};

/** A crop `[…size, C]` of which all channels are changed alike. */
interface Crop {
  readonly voxels: Float32Array;
  readonly size: Vec3;
  readonly channels: number;
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
function blurAlong({ voxels, size, channels }: Crop, axis: 0 | 1 | 2, weights: Float64Array): void {
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
function coarsen({ voxels, size, channels }: Crop, factor: number): void {
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

function spreadOf(voxels: Float32Array): Spread {
  let [sum, squares, low, high] = [0, 0, Infinity, -Infinity];
  for (const value of voxels) {
    sum += value;
    squares += value * value;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const mean = sum / voxels.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / voxels.length - mean ** 2)), low, high };
}

/** Moves values away from their mean, or towards it, within the range that they had. */
function changeContrast(voxels: Float32Array, factor: number): void {
  const { mean, low, high } = spreadOf(voxels);
  for (let i = 0; i < voxels.length; i++)
    voxels[i] = Math.max(low, Math.min(high, mean + (voxels[i]! - mean) * factor));
}

/** A power of the values within their range; mean and standard deviation stay. `inverted`: of the negative image. */
function changeGamma(voxels: Float32Array, gamma: number, inverted: boolean): void {
  const before = spreadOf(voxels);
  const range = before.high - before.low;
  if (!(range > 0)) return;
  for (let i = 0; i < voxels.length; i++) {
    const share = (voxels[i]! - before.low) / range;
    const raised = inverted ? 1 - (1 - share) ** gamma : share ** gamma;
    voxels[i] = raised * range + before.low;
  }
  const after = spreadOf(voxels);
  const scale = after.deviation > 0 ? before.deviation / after.deviation : 1;
  for (let i = 0; i < voxels.length; i++) voxels[i] = (voxels[i]! - after.mean) * scale + before.mean;
}

/**
 * Draws and makes the changes of one crop, in place, in the order of nnssl. Each has a stream of its own, so that switching one
 * leaves the others as they were.
 *
 * @returns what was done, in words
 */
export function changeIntensity(
  stream: (part: number) => RandomStream,
  settings: IntensitySettings,
  crop: Crop,
): string[] {
  const { voxels } = crop;
  const words: string[] = [];
  const parts: readonly [probability: number, change: (random: RandomStream) => string][] = [
    [
      settings.noise,
      (random) => {
        const deviation = Math.sqrt(random.range(0, 0.1));
        for (let i = 0; i < voxels.length; i++) voxels[i]! += deviation * random.normal();
        return `noise of ${deviation.toFixed(2)}`;
      },
    ],
    [
      settings.blur,
      (random) => {
        const sigma = random.range(0.5, 1);
        for (const axis of [0, 1, 2] as const) blurAlong(crop, axis, gaussian(sigma));
        return `blurred by ${sigma.toFixed(2)} voxels`;
      },
    ],
    [
      settings.brightness,
      (random) => {
        const factor = random.range(0.75, 1.25);
        for (let i = 0; i < voxels.length; i++) voxels[i]! *= factor;
        return `brightness × ${factor.toFixed(2)}`;
      },
    ],
    [
      settings.contrast,
      (random) => {
        const factor = random.range(0.75, 1.25);
        changeContrast(voxels, factor);
        return `contrast × ${factor.toFixed(2)}`;
      },
    ],
    [
      settings.lowResolution,
      (random) => {
        const factor = random.range(0.5, 1);
        coarsen(crop, factor);
        return `resolution × ${factor.toFixed(2)}`;
      },
    ],
    [settings.gamma / 3, (random) => gammaWords(voxels, random.range(0.7, 1.5), true)],
    [settings.gamma, (random) => gammaWords(voxels, random.range(0.7, 1.5), false)],
  ];
  parts.forEach(([probability, change], part) => {
    const random = stream(part);
    if (random.uniform() < probability) words.push(change(random));
  });
  return words;
}

function gammaWords(voxels: Float32Array, gamma: number, inverted: boolean): string {
  changeGamma(voxels, gamma, inverted);
  return `gamma ${gamma.toFixed(2)}${inverted ? ' of the negative' : ''}`;
}
