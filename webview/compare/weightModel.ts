import type { ModuleDifference, WeightComparison } from '../../src/protocol/comparison';
import { significant } from '../../src/text';

/** A part of the network in all comparisons with the reference. */
export interface WeightRow {
  readonly module: string;
  readonly parameters: number;
  readonly referenceNorm: number;
  /** One for each checkpoint after the first; undefined where it has no such weights in one shape. */
  readonly pairs: readonly (ModuleDifference | undefined)[];
}

export interface WeightSort {
  readonly by: 'module' | number;
  readonly descending: boolean;
}

const changeOf = (row: WeightRow, at: number): number => row.pairs[at]?.relativeChange ?? -Infinity;

function rowOf(module: string, pairs: readonly (ModuleDifference | undefined)[]): WeightRow {
  const known = pairs.find((pair) => pair !== undefined)!;
  return { module, parameters: known.parameters, referenceNorm: known.referenceNorm, pairs };
}

/** Modules in the order of the network, or by how much a checkpoint changed them. */
export function weightRows(weights: readonly WeightComparison[], { by, descending }: WeightSort): WeightRow[] {
  const names = [...new Set(weights.flatMap(({ modules }) => modules.map(({ module }) => module)))];
  const rows = names.map((module) =>
    rowOf(
      module,
      weights.map(({ modules }) => modules.find((one) => one.module === module)),
    ),
  );
  if (by === 'module') return descending ? rows.reverse() : rows;
  const sign = descending ? -1 : 1;
  return rows.sort((a, b) => sign * (changeOf(a, by) - changeOf(b, by)));
}

/** All weights together. */
export const totalRow = (weights: readonly WeightComparison[]): WeightRow =>
  rowOf(
    'all weights',
    weights.map(({ total }) => total),
  );

/** The largest relative change of any module: the full width of the bars. */
export function largestChange(rows: readonly WeightRow[]): number {
  return Math.max(...rows.flatMap(({ pairs }) => pairs.map((pair) => pair?.relativeChange ?? 0)), Number.MIN_VALUE);
}

/** A relative change in percent; many times the norm as such. */
export function changeText(change: number | null): string {
  if (change === null) return '–';
  if (change === 0) return '0 %';
  const percent = 100 * change;
  return percent >= 1000 ? `${significant(change, 3)} ×` : `${significant(percent, 3)} %`;
}

/** A cosine with as many digits as tell it from 1. */
export function cosineText(cosine: number | null): string {
  if (cosine === null) return '–';
  const off = 1 - cosine;
  const digits = off === 0 ? 3 : off < 0.001 ? 6 : off < 0.05 ? 4 : 3;
  const text = cosine.toFixed(digits);
  return Number(text) === 0 ? '0.000' : text.replace('-', '−');
}
