import { nameDrawn, numbersAfter } from './fixtures';
import { Formula } from './formula';
import type { GradientSummary } from './reference';

export type LabelSet = 'full' | 'missing';

export interface MetricsFixture {
  seed: number;
  /** How logits and labels are drawn. */
  inputs: string;
  dice_metric_input: string;
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
    num_classes: number;
    shape: [number, number, number];
    gt_spheres_class_cx_cy_cz_r2: number[][];
    pred_spheres_class_cx_cy_cz_r2: number[][];
  };
}

/** The inputs of the fixture losses_metrics.json. */
export class MetricsInputs {
  /** (N, C, D, H, W) of the logits. */
  readonly shape: readonly [number, number, number, number, number];
  readonly classes: number;
  /** Voxels of one sample. */
  readonly voxels: number;
  readonly logits: Float32Array;
  private readonly formula: Formula;

  constructor(private readonly fixture: MetricsFixture) {
    this.formula = new Formula(fixture.seed);
    const name = nameDrawn('uniform', fixture.inputs);
    this.shape = numbersAfter(name, fixture.inputs) as unknown as MetricsInputs['shape'];
    this.classes = this.shape[1];
    this.voxels = this.shape[2] * this.shape[3] * this.shape[4];
    this.logits = this.formula.uniformArray(name, this.shape).map((value) => Math.fround(value * 3));
  }

  /** Labels (N, D, H, W). */
  labels(set: LabelSet): Uint8Array {
    const name = nameDrawn('randint', this.fixture.inputs);
    const labels = this.formula.integers(name, this.shape[0] * this.voxels, this.classes);
    if (set === 'full') return labels;
    return labels.map((value, i) => (value === 5 && i < this.voxels ? 0 : value === 9 ? 3 : value));
  }

  /** Predicted labels: argmax of the logits, pushed to the truth where the formula says so. */
  prediction(set: LabelSet): Uint8Array {
    const labels = this.labels(set);
    const hit = this.formula.uniforms(nameDrawn('uniform', this.fixture.dice_metric_input), labels.length);
    return labels.map((truth, i) => {
      const [n, voxel] = [Math.floor(i / this.voxels), i % this.voxels];
      const value = (c: number): number => {
        const push = c === truth && Math.fround(hit[i]!) > 0 ? 6 : 0;
        return Math.fround(this.logits[(n * this.classes + c) * this.voxels + voxel]! + push);
      };
      let best = 0;
      for (let c = 1; c < this.classes; c++) if (value(c) > value(best)) best = c;
      return best;
    });
  }
}
