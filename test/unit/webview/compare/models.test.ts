import { describe, expect, it } from 'vitest';
import { byAge } from '../../../../src/jobs/checkpointOrder';
import type {
  ComparedCase,
  ModuleDifference,
  PairedScore,
  ScoreComparison,
  WeightComparison,
} from '../../../../src/protocol/comparison';
import { caseVolumes, spreadOf, worstPlace } from '../../../../webview/compare/caseModel';
import { matching, valueText } from '../../../../webview/compare/configModel';
import { Drawn } from '../../../../webview/compare/drawn';
import {
  comparedMetrics,
  differenceText,
  extentOf,
  pText,
  scoreLines,
  comparisonRows,
  verdictOf,
} from '../../../../webview/compare/scoreModel';
import { changeText, cosineText, totalRow, weightRows } from '../../../../webview/compare/weightModel';

const paired = (name: string, metric: string, difference: number, patch: Partial<PairedScore> = {}): PairedScore => ({
  ...{ name, metric, reference: 0.8, other: 0.8 + difference, difference, cases: 6, p: 0.031, test: 'exact' },
  ...{ low: difference - 0.01, high: difference + 0.01 },
  ...patch,
});

const scores: ScoreComparison[] = [
  {
    checkpoint: 1,
    scores: [
      paired('spleen', 'dice', 0.02),
      paired('liver', 'dice', -0.05),
      paired('aorta', 'dice', 0.002),
      paired('mean', 'dice', -0.01),
      paired('spleen', 'hd95', -2),
      paired('liver', 'hd95', 4),
    ],
    commonCases: ['a', 'b'],
    otherCases: [],
  },
  { checkpoint: 2, scores: [paired('spleen', 'dice', 0.1)], commonCases: ['a'], otherCases: ['b'] },
];
const names = (rows: readonly { name: string }[]): string[] => rows.map(({ name }) => name);

describe('scores of checkpoints against the reference', () => {
  it('keep the order of the classes, the mean last', () => {
    const rows = comparisonRows(scores, 'dice', { by: 'class', descending: false });
    expect(names(rows)).toEqual(['spleen', 'liver', 'aorta', 'mean']);
    expect(rows[1]!.pairs.map((pair) => pair?.difference)).toEqual([-0.05, undefined]);
    expect(names(comparisonRows(scores, 'dice', { by: 'class', descending: true }))).toEqual([
      'aorta',
      'liver',
      'spleen',
      'mean',
    ]);
  });

  it('are sorted by difference, the worst first, whether more or less is better', () => {
    const sort = { by: 0, descending: false } as const;
    expect(names(comparisonRows(scores, 'dice', sort))).toEqual(['liver', 'aorta', 'spleen', 'mean']);
    expect(names(comparisonRows(scores, 'hd95', sort))).toEqual(['liver', 'spleen']);
    // Classes without a difference keep their order after the others.
    expect(names(comparisonRows(scores, 'dice', { by: 1, descending: false }))).toEqual([
      'spleen',
      'liver',
      'aorta',
      'mean',
    ]);
  });

  it('say better or worse only where the interval leaves out 0 and a direction is the better one', () => {
    expect(verdictOf(paired('spleen', 'dice', 0.02))).toBe('better');
    expect(verdictOf(paired('spleen', 'dice', 0.002))).toBe('unclear');
    expect(verdictOf(paired('spleen', 'hd95', 2, { low: 1, high: 3 }))).toBe('worse');
    expect(verdictOf(paired('spleen', 'volumeError', 0.2))).toBe('unclear');
    expect(verdictOf(paired('spleen', 'dice', 0.2, { low: null, high: null }))).toBe('unclear');
  });

  it('are written with signs in the format of their metric', () => {
    const [dice, hd95] = comparedMetrics(scores);
    expect([dice!.id, hd95!.id]).toEqual(['dice', 'hd95']);
    expect(differenceText(-0.05, dice!)).toBe('−0.050');
    expect(differenceText(4, hd95!)).toBe('+4.0');
    expect(differenceText(0, dice!)).toBe('0.000');
    const classified = [{ ...scores[0]!, scores: [paired('all', 'accuracy', 0.1)] }];
    expect(comparedMetrics(classified).map(({ id }) => id)).toEqual(['accuracy']);
    const [volume] = comparedMetrics([{ ...scores[0]!, scores: [paired('liver', 'volumeError', 0.1)] }]);
    expect(differenceText(0.1, volume!)).toBe('+10.0 %');
    expect([pText(0.03125), pText(0.0004), pText(null)]).toEqual(['0.031', '< 0.001', '–']);
    expect(extentOf(comparisonRows(scores, 'hd95', { by: 'class', descending: false }))).toBeCloseTo(4.01);
  });

  it('are saved as a table with the test named', () => {
    const lines = scoreLines(scores, ['one', 'two', 'three']);
    expect(lines).toHaveLength(8);
    expect(lines[0]).toContain('low (95 %)');
    expect(lines[2]!.slice(0, 5)).toEqual(['one', 'two', 'liver', 'dice', 6]);
    expect(lines[7]!.at(-1)).toBe('Wilcoxon signed-rank, exact');
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([12]));
  });
});

describe('weights by module', () => {
  const module = (name: string, relativeChange: number | null): ModuleDifference => ({
    ...{ module: name, tensors: 2, parameters: 10, referenceNorm: 1, norm: 1, relativeChange, cosine: 1 },
  });
  const weights: WeightComparison[] = [
    {
      checkpoint: 1,
      modules: [module('stem', 0.1), module('body', 0.4), module('head', null)],
      total: module('all', 0.2),
      onlyInReference: [],
      onlyInOther: [],
      otherShape: [],
    },
  ];

  it('come in the order of the network or by change', () => {
    const modules = (by: 'module' | number, descending: boolean): string[] =>
      weightRows(weights, { by, descending }).map((row) => row.module);
    expect(modules('module', false)).toEqual(['stem', 'body', 'head']);
    expect(modules(0, true)).toEqual(['body', 'stem', 'head']);
    expect(totalRow(weights).pairs[0]!.relativeChange).toBe(0.2);
  });

  it('are written with the digits that tell them apart', () => {
    expect([0, 0.00123, 0.5, 12.3, null].map(changeText)).toEqual(['0 %', '0.123 %', '50 %', '12.3 ×', '–']);
    expect([1, 0.99999, 0.98, -0.2, -0.0001, null].map(cosineText)).toEqual([
      '1.000',
      '0.999990',
      '0.9800',
      '−0.200',
      '0.000',
      '–',
    ]);
  });
});

describe('configs', () => {
  it('are written as people write them, and found by key and value', () => {
    expect(['"voco"', '[96,96,96]', '{"a":1}', 'true', null].map(valueText)).toEqual([
      'voco',
      '96, 96, 96',
      '{"a":1}',
      'true',
      '–',
    ]);
    const differences = [
      { path: 'optimizer.lr', values: ['0.1', '0.2'] },
      { path: 'name', values: ['"LR search"', null] },
      { path: 'seed', values: ['1', '2'] },
    ];
    expect(matching(differences, ' lr').map(({ path }) => path)).toEqual(['optimizer.lr', 'name']);
  });
});

describe('a case in linked views', () => {
  const worst = (voxels: number, x: number) => ({
    ...{ class: 1, name: 'liver', scores: {}, worst: { position: [x, 0, 0] as const, voxels } },
  });
  const item: ComparedCase = {
    id: 'img1',
    image: ['/d/img1.nii.gz'],
    label: '/d/label1.nii.gz',
    origin: 'evaluated',
    checkpoints: [
      { dice: 0.9, scores: [worst(4, 1)] },
      { dice: 0.7, scores: [worst(9, 2)] },
    ],
  };
  const all = [
    { at: 0, name: 'one', prediction: '/p/a.nii.gz' },
    { at: 2, name: 'three', prediction: '/p/c.nii.gz' },
  ];
  const overlays = (volumes: ReturnType<typeof caseVolumes>) => volumes.map((one) => one.overlays);

  it('is shown once for each checkpoint, with the ground truth as an outline', () => {
    const volumes = caseVolumes('predictions', item, all);
    expect(volumes.map(({ name }) => name)).toEqual(['A · one', 'C · three']);
    expect(overlays(volumes)[1]!.map(({ path, mode }) => [path, mode])).toEqual([
      ['/p/c.nii.gz', 'labels'],
      ['/d/label1.nii.gz', 'outline'],
    ]);
  });

  it('is held against the ground truth, against the reference, and in turns', () => {
    expect(overlays(caseVolumes('truth', item, all)).flat()).toMatchObject([
      { path: '/p/a.nii.gz', mode: 'error', truth: '/d/label1.nii.gz' },
      { path: '/p/c.nii.gz', mode: 'error', truth: '/d/label1.nii.gz' },
    ]);
    expect(overlays(caseVolumes('reference', item, all)).flat()).toMatchObject([
      { path: '/p/a.nii.gz', mode: 'labels' },
      { path: '/p/c.nii.gz', mode: 'error', truth: '/p/a.nii.gz', name: 'C against A' },
    ]);
    const classes = [{ name: 'liver', values: [1], colour: '#c77b58' }];
    const [single, ...more] = caseVolumes('blink', item, [{ ...all[0]!, classes }, all[1]!]);
    expect(more).toEqual([]);
    expect(single!.overlays.map(({ path }) => path)).toEqual(['/p/a.nii.gz', '/p/c.nii.gz']);
    expect(single!.overlays.map((overlay) => overlay.classes)).toEqual([classes, undefined]);
  });

  it('shows the image alone as long as there is no prediction', () => {
    const waiting = [{ at: 0, name: 'one' }];
    for (const mode of ['truth', 'reference', 'blink'] as const)
      expect(overlays(caseVolumes(mode, item, waiting))).toEqual([[]]);
  });

  it('is looked at where most is wrong, and sorted by how much checkpoints differ', () => {
    expect(worstPlace(item)).toEqual([2, 0, 0]);
    expect(spreadOf(item)).toBeCloseTo(0.2);
    expect(spreadOf({ ...item, checkpoints: [{ dice: 0.9 }, {}] })).toBe(-1);
  });
});

describe('what a part was drawn from', () => {
  it('is compared by identity', () => {
    const [drawn, list] = [new Drawn(), [1]];
    expect(drawn.differs(list, 'a')).toBe(true);
    expect(drawn.differs(list, 'a')).toBe(false);
    expect(drawn.differs([1], 'a')).toBe(true);
    expect(drawn.differs([1], 'b')).toBe(true);
  });
});

describe('the order of chosen checkpoints', () => {
  it('is by age: runs first, then steps; other files stay last', () => {
    const runs = [{ dir: '/r/new' }, { dir: '/r/old' }];
    const at = (run: string, step: string): string => `${run}/checkpoints/step-${step}.safetensors`;
    const files = ['/x/b.pt', at('/r/new', '00000100'), at('/r/old', '00000200'), '/x/a.pt', at('/r/old', '00000100')];
    expect(byAge(runs, files)).toEqual([files[4], files[2], files[1], '/x/b.pt', '/x/a.pt']);
  });
});
