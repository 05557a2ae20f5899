import { randomIntegers } from './volumes';
import { uniformArray, uniforms } from './formula';
import { readFixture, type GradientSummary } from './reference';

export type LabelSet = 'full' | 'missing';

export interface MetricsFixture {
  losses: {
    variant: string;
    class: string;
    args?: Record<string, unknown>;
    labels: LabelSet;
    value?: number;
    values_n_c?: number[][];
    grad?: GradientSummary;
  }[];
  dice_metric: {
    labels: LabelSet;
    include_background?: boolean;
    reduction: 'none' | 'mean' | 'mean_batch' | 'mean_channel' | 'sum';
    ignore_empty: boolean;
    aggregate: (number | null)[];
    not_nans: number[];
    prediction_histogram?: number[][];
  }[];
  surface_metrics: Record<string, (number | string | null)[]> & {
    shape: [number, number, number];
    gt_spheres_class_cx_cy_cz_r2: number[][];
    pred_spheres_class_cx_cy_cz_r2: number[][];
  };
}

export const metricsFixture = readFixture<MetricsFixture>('losses_metrics.json');

const CLASSES = 14;
const VOXELS = 512;

/** Logits (2, 14, 8, 8, 8) of the fixture. */
export function formulaLogits(): Float32Array {
  return uniformArray('loss.logits', [2, CLASSES, 8, 8, 8]).map((value) => Math.fround(value * 3));
}

/** Labels (2, 8, 8, 8) of the fixture. */
export function formulaLabels(set: LabelSet): Uint8Array {
  const labels = randomIntegers('loss.labels', 2 * VOXELS, CLASSES);
  if (set === 'full') return labels;
  return labels.map((value, i) => (value === 5 && i < VOXELS ? 0 : value === 9 ? 3 : value));
}

/** The fixture's predicted labels: argmax of the logits, pushed to the truth where a formula says so. */
export function formulaPrediction(set: LabelSet): Uint8Array {
  const logits = formulaLogits();
  const labels = formulaLabels(set);
  const hit = uniforms('loss.hit', 2 * VOXELS);
  return labels.map((truth, i) => {
    const [n, voxel] = [Math.floor(i / VOXELS), i % VOXELS];
    const value = (c: number): number =>
      Math.fround(logits[(n * CLASSES + c) * VOXELS + voxel]! + (c === truth && Math.fround(hit[i]!) > 0 ? 6 : 0));
    let best = 0;
    for (let c = 1; c < CLASSES; c++) if (value(c) > value(best)) best = c;
    return best;
  });
}
