/** Features of n samples in c channels, ready to be compared: see {@link centredFeatures}. */
export interface CentredFeatures {
  readonly samples: number;
  readonly channels: number;
  /** `[n, c]` */
  readonly bySample: Float64Array;
  /** The same as `[c, n]`. */
  readonly byChannel: Float64Array;
  /** ‖XᵀX‖, Frobenius. */
  readonly norm: number;
}

/** Below this share of their mean square, features count as constant: what is left is rounding. */
const LEAST_VARIATION = 1e-12;

/**
 * Subtracts every channel's mean, and scales all together to unit norm, which CKA does not see.
 *
 * @param values `[n, c]`
 * @returns undefined for features that do not vary or are not finite, which have no CKA
 */
export function centredFeatures(values: ArrayLike<number>, channels: number): CentredFeatures | undefined {
  const samples = values.length / channels;
  const byChannel = new Float64Array(values.length);
  let [squares, left] = [0, 0];
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = 0; i < samples; i++) sum += values[i * channels + c]!;
    const mean = sum / samples;
    for (let i = 0; i < samples; i++) {
      const value = values[i * channels + c]!;
      squares += value * value;
      left += (value - mean) ** 2;
      byChannel[c * samples + i] = value - mean;
    }
  }
  if (!Number.isFinite(left) || left <= LEAST_VARIATION * squares) return undefined;
  const scale = 1 / Math.sqrt(left);
  const bySample = new Float64Array(values.length);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < samples; i++)
      bySample[i * channels + c] = byChannel[c * samples + i] = byChannel[c * samples + i]! * scale;
  const features = { samples, channels, bySample, byChannel, norm: 1 };
  return { ...features, norm: Math.sqrt(alignment(features, features)) };
}

function product(a: Float64Array, i: number, b: Float64Array, j: number, length: number): number {
  let sum = 0;
  for (let k = 0, from = i * length, other = j * length; k < length; k++) sum += a[from + k]! * b[other + k]!;
  return sum;
}

/** ‖YᵀX‖², over channels, or over samples where they are fewer; neither keeps a matrix. */
function alignment(x: CentredFeatures, y: CentredFeatures): number {
  const n = x.samples;
  let total = 0;
  if (x.channels * y.channels <= (n * (x.channels + y.channels)) / 2) {
    for (let i = 0; i < x.channels; i++)
      for (let j = 0; j < y.channels; j++) total += product(x.byChannel, i, y.byChannel, j, n) ** 2;
    return total;
  }
  // The same as ⟨XXᵀ, YYᵀ⟩, which is symmetric.
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      const both =
        product(x.bySample, i, x.bySample, j, x.channels) * product(y.bySample, i, y.bySample, j, y.channels);
      total += i === j ? both : 2 * both;
    }
  return total;
}

/**
 * Linear centred kernel alignment, ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of centred features (Kornblith et al., ICML 2019): 1 for features
 * that are the same up to rotation and one scale, 0 for uncorrelated ones. With fewer samples than channels it comes out too large.
 *
 * @param y features of the same samples
 */
export function linearCka(x: CentredFeatures, y: CentredFeatures): number {
  if (x.samples !== y.samples) throw new Error(`CKA of ${x.samples} and ${y.samples} samples`);
  return Math.min(1, alignment(x, y) / (x.norm * y.norm));
}
