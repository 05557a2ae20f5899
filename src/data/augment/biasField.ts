import type { Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';
import { finiteRange } from '../../volume';
import type { ValueCrop } from './intensity';

/** Largest order of the polynomial, as in MONAI's RandBiasField and TorchIO's RandomBiasField. */
const ORDER = 3;
/** Largest coefficient. Factors are 0.7 to 1.4 in most of a crop then; MONAI draws 0 to 0.1, TorchIO −0.5 to 0.5. */
const STRENGTH = 0.2;

/** Legendre's polynomials of the orders 0 to {@link ORDER} at `length` places from −1 to 1: `[order][place]`. */
function legendre(length: number): Float64Array[] {
  const x = Float64Array.from({ length }, (_, i) => (length > 1 ? (2 * i) / (length - 1) - 1 : 0));
  return [x.map(() => 1), x, x.map((at) => (3 * at * at - 1) / 2), x.map((at) => (5 * at ** 3 - 3 * at) / 2)];
}

interface Term {
  readonly orders: Vec3;
  readonly coefficient: number;
}

/** The terms of orders that add up to 1 to {@link ORDER}: a constant factor is brightness, and no field. */
function drawTerms(random: RandomStream): Term[] {
  const terms: Term[] = [];
  for (let i = 0; i <= ORDER; i++)
    for (let j = 0; i + j <= ORDER; j++)
      for (let k = 0; i + j + k <= ORDER; k++)
        if (i + j + k > 0) terms.push({ orders: [i, j, k], coefficient: random.range(-STRENGTH, STRENGTH) });
  return terms;
}

/** The factors of a field at the voxels of a crop, `[…size]`: the exponential of the polynomial. */
function fieldOf(terms: readonly Term[], size: Vec3): Float32Array {
  const [px, py, pz] = [legendre(size[0]), legendre(size[1]), legendre(size[2])];
  const out = new Float32Array(size[0] * size[1] * size[2]);
  const along = new Float64Array(ORDER + 1);
  let at = 0;
  for (let x = 0; x < size[0]; x++)
    for (let y = 0; y < size[1]; y++) {
      along.fill(0);
      for (const { orders, coefficient } of terms)
        along[orders[2]]! += coefficient * px[orders[0]]![x]! * py[orders[1]]![y]!;
      for (let z = 0; z < size[2]; z++) {
        let sum = 0;
        for (let k = 0; k <= ORDER; k++) sum += along[k]! * pz[k]![z]!;
        out[at++] = Math.exp(sum);
      }
    }
  return out;
}

/**
 * Multiplies a crop by a smooth random field, in place, as an uneven coil of an MRI scanner does. The field is the same for all
 * channels. A factor needs intensities from 0 on, which z-scores are not: each channel is counted from its lowest value in the crop.
 *
 * @returns what was done, in words
 */
export function changeBias({ voxels, size, channels, keepZero }: ValueCrop, random: RandomStream): string {
  const field = fieldOf(drawTerms(random), size);
  for (let channel = 0; channel < channels; channel++) {
    let low = Infinity;
    for (let i = channel; i < voxels.length; i += channels)
      if (!(keepZero && voxels[i] === 0)) low = Math.min(low, voxels[i]!);
    if (!Number.isFinite(low)) continue;
    for (let i = channel, at = 0; i < voxels.length; i += channels, at++)
      voxels[i] = low + (voxels[i]! - low) * field[at]!;
  }
  const [least, most] = finiteRange(field);
  return `bias field × ${least.toFixed(2)} to ${most.toFixed(2)}`;
}
