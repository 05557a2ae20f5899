/** Features of n samples in c channels, ready to be compared: see {@link centredFeatures}. */
export interface CentredFeatures {
  readonly samples: number;
  readonly channels: number;
  /** `[n, c]` */
  readonly bySample: Float64Array;
  /** The same as `[c, n]`. */
  readonly byChannel: Float64Array;
  /** Squared length of each sample, the diagonal of XXᵀ; together 1. */
  readonly lengths: Float64Array;
}

export interface Cka {
  /** ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖), 0 to 1 (Kornblith et al., ICML 2019). With fewer samples than channels it comes out too large. */
  readonly cka: number;
  /**
   * The same of unbiased estimates of HSIC (Song et al., JMLR 2012, as Nguyen et al., ICLR 2021, use them), which is about 0 for
   * unrelated features of however few samples, and may be a little below. NaN for fewer than four samples.
   */
  readonly debiased: number;
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
  const lengths = Float64Array.from({ length: samples }, (_, i) => product(bySample, i, bySample, i, channels));
  return { samples, channels, bySample, byChannel, lengths };
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

/** HSIC₁ but for a factor of n, from the alignment. Rows of a centred Gram matrix K sum to 0, so those of K without diagonal to −Kᵢᵢ. */
function unbiased(x: CentredFeatures, y: CentredFeatures, aligned: number): number {
  const n = x.samples;
  if (n < 4) return NaN;
  const diagonal = x.lengths.reduce((sum, length, i) => sum + length * y.lengths[i]!, 0);
  return aligned - (diagonal * n) / (n - 2) + 1 / ((n - 1) * (n - 2));
}

/** Linear CKA of all pairs of feature sets of the same samples: each set's own part is computed once. */
export class LinearCka {
  private readonly own = new Map<CentredFeatures, number>();

  /** 1 for features that are the same up to rotation, one scale and an offset. */
  compare(x: CentredFeatures, y: CentredFeatures): Cka {
    if (x.samples !== y.samples) throw new Error(`CKA of ${x.samples} and ${y.samples} samples`);
    const [both, a, b] = [alignment(x, y), this.alone(x), this.alone(y)];
    const [first, second] = [unbiased(x, x, a), unbiased(y, y, b)];
    const debiased = first > 0 && second > 0 ? unbiased(x, y, both) / Math.sqrt(first * second) : NaN;
    return { cka: Math.min(1, both / Math.sqrt(a * b)), debiased: Math.max(-1, Math.min(1, debiased)) };
  }

  private alone(x: CentredFeatures): number {
    const aligned = this.own.get(x) ?? alignment(x, x);
    this.own.set(x, aligned);
    return aligned;
  }
}
