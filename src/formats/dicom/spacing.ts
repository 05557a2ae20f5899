import { dot, lengthOf } from '../arrange';
import { counted } from '../../text';
import { directionsOf, inWords } from './places';
import type { Image } from './types';

/** Share of the distance between slices by which one may lie off its even place. */
const EVEN = 0.05;
/** Above this share it is told. */
const EXACT = 0.01;

export interface Steps {
  /** From one slice to the next, mm, in DICOM's directions. */
  readonly step: readonly number[];
  /** Degrees between the step and the direction across the slices. */
  readonly tilt: number;
  readonly warnings: readonly string[];
  /** Why the slices are no even stack. */
  readonly uneven?: string;
}

/** How slices, one at each position and in order, follow each other. */
export function stepsOf(slices: readonly Image[]): Steps {
  const [first, last] = [slices[0]!, slices.at(-1)!];
  const { normal } = directionsOf(first);
  const n = slices.length - 1;
  const step = first.position!.map((mm, axis) => (last.position![axis]! - mm) / n);
  const apart = lengthOf(step);
  const across = dot(step, normal);
  const sideways = lengthOf(step.map((mm, axis) => mm - across * normal[axis]!));
  const off = slices.map(({ position }, k) =>
    lengthOf(position!.map((mm, axis) => mm - (first.position![axis]! + k * step[axis]!))),
  );
  const worst = Math.max(...off);
  const pixel = Math.min(...(first.spacing ?? [1]));
  // What rounding of positions makes is no tilt.
  const tilted = sideways * n > Math.max(0.1 * pixel, 0.02);
  const warnings: string[] = [];
  if (worst > EXACT * apart && worst > 0.01 && worst <= EVEN * apart)
    warnings.push(`slices lie up to ${worst.toFixed(3)} mm off even steps of ${apart.toFixed(3)} mm`);
  const uneven = worst > EVEN * apart && worst > 0.01 ? describeUneven(slices) : undefined;
  return {
    step,
    tilt: tilted ? (Math.atan2(sideways, across) * 180) / Math.PI : 0,
    warnings,
    ...(uneven && { uneven }),
  };
}

/** Missing slices where the distances are multiples of one, else uneven ones. */
function describeUneven(slices: readonly Image[]): string {
  const gaps = slices
    .slice(1)
    .map((image, i) => lengthOf(image.position!.map((mm, axis) => mm - slices[i]!.position![axis]!)));
  const sorted = [...gaps].sort((a, b) => a - b);
  const usual = sorted[(sorted.length - 1) >> 1]!;
  const times = gaps.map((gap) => gap / usual);
  const odd = gaps.flatMap((gap, i) => (Math.abs(gap / usual - 1) > EVEN ? [{ gap, i }] : []));
  const between = odd
    .slice(0, 4)
    .map(({ gap, i }) => `${gap.toFixed(2)} mm between ${inWords(slices[i]!)} and ${inWords(slices[i + 1]!)}`)
    .join(', ');
  const more = odd.length > 4 ? `, and ${odd.length - 4} more` : '';
  const missing = times.every((t) => t > 0.9 && Math.abs(t - Math.round(t)) <= EVEN * Math.max(1, t));
  if (missing) {
    const lost = times.reduce((sum, t) => sum + Math.round(t) - 1, 0);
    return `${counted(lost, 'slice')} missing: a gap of ${between}${more}, where slices are ${usual.toFixed(2)} mm apart`;
  }
  return `slices are not evenly spaced: ${between}${more}, where most are ${usual.toFixed(2)} mm apart`;
}
