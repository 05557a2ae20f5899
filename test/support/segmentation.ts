import { lastNumberOf, nameDrawn, numbersAfter, partsOf } from './fixtures';
import { Formula } from './formula';
import type { GradientSummary } from './reference';

/** Name of a set of labels: `full` as drawn, `missing` with classes renumbered. */
export type LabelSet = string;

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
  /** Labels that the set `missing` replaces, in one sample or in all. */
  private readonly replaced: readonly { from: number; to: number; sample?: number }[];

  constructor(private readonly fixture: MetricsFixture) {
    this.formula = new Formula(fixture.seed);
    const name = nameDrawn('uniform', fixture.inputs);
    this.shape = numbersAfter(name, fixture.inputs) as unknown as MetricsInputs['shape'];
    this.classes = this.shape[1];
    this.voxels = this.shape[2] * this.shape[3] * this.shape[4];
    const factor = Number(partsOf(/\* f32\(([\d.]+)\)/, fixture.inputs)[0]);
    this.logits = this.formula.uniformArray(name, this.shape).map((value) => Math.fround(value * Math.fround(factor)));
    const replacements = fixture.inputs.matchAll(/class (\d+) -> (\d+)(?: in sample (\d+))?/g);
    this.replaced = [...replacements].map(([, from, to, sample]) => ({
      from: Number(from),
      to: Number(to),
      ...(sample !== undefined && { sample: Number(sample) }),
    }));
  }

  /** Labels (N, D, H, W). */
  labels(set: LabelSet): Uint8Array {
    const name = nameDrawn('randint', this.fixture.inputs);
    const values = lastNumberOf('randint', this.fixture.inputs);
    const labels = Uint8Array.from(this.formula.integers(name, this.shape[0] * this.voxels, values));
    if (set === 'full') return labels;
    return labels.map((value, i) => {
      const sample = Math.floor(i / this.voxels);
      const found = this.replaced.find((one) => one.from === value && (one.sample ?? sample) === sample);
      return found ? found.to : value;
    });
  }

  /** Predicted labels: argmax of the logits, pushed to the truth where the formula says so. */
  prediction(set: LabelSet): Uint8Array {
    const labels = this.labels(set);
    const added = Math.fround(Number(partsOf(/plus f32\(([\d.]+)\)/, this.fixture.dice_metric_input)[0]));
    const hit = this.formula.uniforms(nameDrawn('uniform', this.fixture.dice_metric_input), labels.length);
    return labels.map((truth, i) => {
      const [n, voxel] = [Math.floor(i / this.voxels), i % this.voxels];
      const value = (c: number): number => {
        const push = c === truth && Math.fround(hit[i]!) > 0 ? added : 0;
        return Math.fround(this.logits[(n * this.classes + c) * this.voxels + voxel]! + push);
      };
      let best = 0;
      for (let c = 1; c < this.classes; c++) if (value(c) > value(best)) best = c;
      return best;
    });
  }
}
