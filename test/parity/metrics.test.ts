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
    const plain = at([1, 1, 1]);
    const spaced = at([1.5, 2, 3]);

    it('Hausdorff distances: 95 %, maximum, with spacing, absent classes', () => {
      plain.forEach((distances, i) => {
        close(hausdorff(distances), fixture.hausdorff_95![i]);
        close(hausdorff(distances, 100), fixture.hausdorff_max![i]);
        close(hausdorff(spaced[i]!), fixture['hausdorff_95_spacing_1.5_2_3']![i]);
      });
    });

    it('normalised surface distance at several tolerances', () => {
      plain.forEach((distances, i) => {
        close(normalizedSurfaceDistance(distances, 1), fixture.surface_dice_tol1![i]);
        close(normalizedSurfaceDistance(distances, 0), fixture.surface_dice_tol0![i]);
        close(normalizedSurfaceDistance(spaced[i]!, 2), fixture['surface_dice_tol2_spacing_1.5_2_3']![i]);
      });
    });
  },
);
