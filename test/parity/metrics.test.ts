import { expect, it } from 'vitest';
import {
  countOverlaps,
  diceOf,
  hausdorff,
  normalizedSurfaceDistance,
  reduceScores,
  surfaceDistances,
} from '../../src/metrics';
import { withFixtures } from '../support/fixtures';
import { MetricsInputs, type LabelSet, type MetricsFixture } from '../support/segmentation';

function close(actual: number, expected: number | string | null | undefined, tolerance = 1e-6): void {
  if (expected === null || expected === undefined) expect(actual).toBeNaN();
  else if (typeof expected === 'string') expect(actual).toBe(Number(expected));
  else expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(expected)));
}

function scores(inputs: MetricsInputs, set: LabelSet, background: boolean, ignoreEmpty: boolean): number[][] {
  const [prediction, truth] = [inputs.prediction(set), inputs.labels(set)];
  return Array.from({ length: inputs.shape[0] }, (_, n) => {
    const part = (labels: Uint8Array): Uint8Array => labels.subarray(n * inputs.voxels, (n + 1) * inputs.voxels);
    const overlaps = countOverlaps(part(prediction), part(truth), inputs.classes);
    return overlaps.slice(background ? 0 : 1).map((overlap) => diceOf(overlap, ignoreEmpty));
  });
}

withFixtures<[MetricsFixture]>('Dice against MONAI', ['losses_metrics.json'], (fixture) => {
  const inputs = new MetricsInputs(fixture);
  const reductions = fixture.dice_metric.filter((item) => item.include_background !== undefined);
  it.each(
    reductions.map((item) => [JSON.stringify({ ...item, aggregate: undefined, not_nans: undefined }), item] as const),
  )('%s', (_, item) => {
    const rows = scores(inputs, item.labels, item.include_background!, item.ignore_empty);
    const { values, counts } = reduceScores(rows, item.reduction);
    expect(values).toHaveLength(item.aggregate.length);
    item.aggregate.forEach((expected, i) => close(values[i]!, expected));
    expect(counts).toEqual(item.not_nans);
  });
});

/** Spacing in a name such as `hausdorff_95_spacing_1.5_2_3`; without, voxels of 1. */
function spacingIn(name: string): [number, number, number] {
  const found = /_spacing_([\d.]+)_([\d.]+)_([\d.]+)$/.exec(name);
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : [1, 1, 1];
}

interface Spheres {
  pred: Uint8Array[];
  truth: Uint8Array[];
}

function spheres({
  shape,
  gt_spheres_class_cx_cy_cz_r2,
  pred_spheres_class_cx_cy_cz_r2,
  num_classes,
}: MetricsFixture['surface_metrics']): Spheres {
  const draw = (list: number[][]): Uint8Array => {
    const labels = new Uint8Array(shape[0] * shape[1] * shape[2]);
    for (const [label, cx, cy, cz, r2] of list as [number, number, number, number, number][]) {
      labels.forEach((_, i) => {
        const [x, y, z] = [Math.floor(i / (shape[1] * shape[2])), Math.floor(i / shape[2]) % shape[1], i % shape[2]];
        if ((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 <= r2) labels[i] = label;
      });
    }
    return labels;
  };
  const masks = (labels: Uint8Array) =>
    Array.from({ length: num_classes - 1 }, (_, i) => i + 1).map((c) => labels.map((value) => (value === c ? 1 : 0)));
  return { pred: masks(draw(pred_spheres_class_cx_cy_cz_r2)), truth: masks(draw(gt_spheres_class_cx_cy_cz_r2)) };
}

withFixtures<[MetricsFixture]>(
  'surface metrics against MONAI',
  ['losses_metrics.json'],
  ({ surface_metrics: fixture }) => {
    const { pred, truth } = spheres(fixture);
    const at = (spacing: [number, number, number]) =>
      pred.map((mask, i) => surfaceDistances(mask, truth[i]!, fixture.shape, spacing));
    const compare = (name: string, score: (distances: ReturnType<typeof surfaceDistances>) => number): void =>
      at(spacingIn(name)).forEach((distances, i) => close(score(distances), fixture[name]![i]));
    const named = (pattern: RegExp): string[] => Object.keys(fixture).filter((name) => pattern.test(name));

    it.each(named(/^hausdorff_(max|\d+)(_spacing_[\d._]+)?$/))('%s', (name) => {
      const percentile = /^hausdorff_(\d+)/.exec(name)?.[1] ?? 100;
      compare(name, (distances) => hausdorff(distances, Number(percentile)));
    });

    it.each(named(/^surface_dice_tol[\d.]+(_spacing_[\d._]+)?$/))('%s', (name) => {
      const tolerance = Number(/tol([\d.]+)/.exec(name)![1]);
      compare(name, (distances) => normalizedSurfaceDistance(distances, tolerance));
    });
  },
);
