import { describe, expect, it } from 'vitest';
import type { ShownStudy } from '../../../../src/protocol/results';
import type { CaseResult, ClassifiedResult, ResultClass, Results } from '../../../../src/protocol/scores';
import { classificationScores, rocAuc } from '../../../../src/metrics';
import { highlight } from '../../../../src/jobs/results/highlight';
import { chartsFor } from '../../../../src/jobs/series/charts';
import { confusionMatrix, rocCurve } from '../../../../webview/results/classification';
import { classChartSvg } from '../../../../webview/results/classChart';
import { latexStudy, latexTable } from '../../../../webview/results/latex';
import {
  absenceOf,
  caseMean,
  describeScore,
  metricsOf,
  orderOfCases,
  quartiles,
  scoreRows,
} from '../../../../webview/results/scores';
import { studySvg } from '../../../../webview/results/studyPicture';

type Scores = [dice: number | null, hd95: number | null];

function scored(name: string, classes: readonly Scores[]): CaseResult {
  return {
    case: name,
    image: `${name}.nii.gz`,
    classes: classes.map(([dice, hd95], index) => ({
      class: index + 1,
      name: ['liver', 'gall & bladder'][index]!,
      scores: { dice, nsd: dice, hd95, volumeError: dice === null ? null : dice - 0.8 },
      volume: { truth: dice === null ? 0 : 100, predicted: dice === 0 ? 0 : dice === null ? 2 : 90 },
    })),
  };
}

const summary = (mean: number) => ({ mean, low: mean - 0.1, high: mean + 0.1, count: 3 });
const summaries = { dice: summary(0.6), nsd: summary(0.6), hd95: summary(4), volumeError: summary(-0.2) };
const results: Results = {
  format: 1,
  units: { dice: '', nsd: '', hd95: 'mm', volumeError: '' },
  surfaceTolerance: 2,
  cases: [
    scored('img10', [
      [0.9, 2],
      [0.5, 7],
    ]),
    scored('img2', [
      [0.6, 9],
      [null, null],
    ]),
    scored('img3', [
      [0.95, 1],
      [0, null],
    ]),
  ],
  summary: {
    classes: [
      { class: 1, name: 'liver', scores: summaries },
      { class: 2, name: 'gall & bladder', scores: summaries },
    ],
    overall: summaries,
  },
};
const classes: ResultClass[] = [
  { name: 'liver', values: [1], colour: '#c77b58' },
  { name: 'gall & bladder', values: [2], colour: '#00a878' },
];
const [dice, , hd95, volumeError] = metricsOf(results) as [
  ReturnType<typeof metricsOf>[0],
  unknown,
  ReturnType<typeof metricsOf>[0],
  ReturnType<typeof metricsOf>[0],
];

describe('the table of cases', () => {
  it('puts the worst first: low Dice, long distances, volumes far off to either side; undefined last', () => {
    const order = (metric: typeof dice, column: number | 'mean' | 'case', worstFirst = true) =>
      orderOfCases(results.cases, metric, { column, worstFirst });
    expect(order(dice, 0)).toEqual([1, 0, 2]);
    expect(order(dice, 0, false)).toEqual([2, 0, 1]);
    expect(order(hd95, 0)).toEqual([1, 0, 2]);
    expect(order(dice, 1)).toEqual([2, 0, 1]);
    expect(order(hd95, 1)).toEqual([0, 1, 2]);
    expect(order(volumeError, 0)).toEqual([1, 2, 0]);
    expect(order(dice, 'mean')).toEqual([2, 1, 0]);
  });

  it('sorts names as people count', () => {
    expect(orderOfCases(results.cases, dice, { column: 'case', worstFirst: false })).toEqual([1, 2, 0]);
  });

  it('means leave out what is undefined', () => {
    expect(caseMean(results.cases[0]!, dice)).toBeCloseTo(0.7, 12);
    expect(caseMean(results.cases[1]!, dice)).toBe(0.6);
    expect(caseMean(scored('none', [[null, null]]), dice)).toBeUndefined();
  });

  it('tells an absent class from an invented and a missed one', () => {
    const volumes = (truth: number, predicted: number) =>
      absenceOf({ ...results.cases[0]!.classes[0]!, volume: { truth, predicted } });
    expect([volumes(0, 0).sign, volumes(0, 3).sign, volumes(3, 0).sign]).toEqual(['–', '+', '∞']);
    expect(describeScore(results.cases[1]!, 1, 'gall & bladder', dice)).toMatch(
      /img2: not in the ground truth.*predicted 2 ml/,
    );
  });
});

describe('a case that is opened', () => {
  it('shows one organ alone, of a region all its labels, and everything without a class', () => {
    const regions: ResultClass[] = [
      { name: 'tumour core', values: [1, 4], colour: '#e6194b' },
      { name: 'whole tumour', values: [1, 2, 4], colour: '#3cb44b' },
    ];
    expect(highlight(classes, 1)).toEqual({ label: 2, hiddenLabels: [] });
    expect(highlight(regions, 0)).toEqual({ label: null, hiddenLabels: [2] });
    expect(highlight(regions, 1)).toEqual({ label: null, hiddenLabels: [] });
    expect(highlight(classes, undefined)).toEqual({ label: null });
  });
});

describe('the chart of classes', () => {
  it('has quartiles as numpy does', () => {
    expect(quartiles([4, 1, 3, 2])).toEqual([1.75, 2.5, 3.25]);
    expect(quartiles([7])).toEqual([7, 7, 7]);
  });

  it('draws a point a score and names made harmless', () => {
    const rows = scoreRows(results, classes, dice);
    expect(rows.map(({ points }) => points.length)).toEqual([3, 2, 3]);
    const ink = { foreground: '#000', muted: '#555', background: '#fff', grid: '#ddd' };
    const references = [{ value: 0.84, of: 'a paper' }];
    const caseNames = results.cases.map((one) => one.case);
    const svg = classChartSvg({ rows, metric: dice, references, caseNames }, 700, ink, 'sans-serif');
    expect(svg.match(/<circle /g)).toHaveLength(8);
    expect(svg).toContain('gall &amp; bladder');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('draws a class that no case has', () => {
    const absent = { ...results, cases: [scored('one', [[null, null]])], summary: undefined };
    const rows = scoreRows(absent as unknown as Results, classes.slice(0, 1), hd95);
    const ink = { foreground: '#000', muted: '#555', background: '#fff', grid: '#ddd' };
    const svg = classChartSvg({ rows, metric: hd95, references: [], caseNames: ['one'] }, 700, ink, 'sans-serif');
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});

describe('LaTeX', () => {
  it('escapes names and signs, and has a column a metric', () => {
    const text = latexTable(results, classes);
    expect(text).toContain('gall \\& bladder & 0.600 {\\scriptsize (0.500 to 0.700)}');
    expect(text).toContain('$-$20.0 \\%');
    expect(text).toContain('NSD at 2 mm');
    for (const line of text.split('\n').filter((one) => one.endsWith('\\\\'))) {
      expect(line.match(/(?<!\\)&/g)).toHaveLength(4);
    }
  });
});

describe('a study', () => {
  const side = (arm: 'pretrained' | 'scratch', amount: number, mean: number) => ({
    arm,
    amount,
    mean,
    deviation: 0.02,
    count: 2,
  });
  const study: ShownStudy = {
    task: 'liver',
    score: 'Dice',
    by: 'cases',
    amounts: [1, 4],
    seeds: 2,
    heldOut: 1,
    checkpoint: 'a.safetensors',
    done: 6,
    total: 8,
    failures: [],
    points: [side('pretrained', 1, 0.3), side('scratch', 1, 0.35), side('pretrained', 4, 0.5)],
    differences: [{ amount: 1, mean: -0.05, deviation: null, count: 1, ahead: 0 }],
  };

  it('for LaTeX has a row an amount, with dashes for what has not run', () => {
    const text = latexStudy(study);
    expect(text).toContain('1 & 0.300 $\\pm$ 0.020 & 0.350 $\\pm$ 0.020 & $-$0.050 & 0 of 1 \\\\');
    expect(text).toContain('4 & 0.500 $\\pm$ 0.020 & -- & -- & -- \\\\');
  });

  it('as a picture names its lines and has a bar for every deviation', () => {
    const ink = { foreground: '#000', muted: '#555', background: '#fff', grid: '#ddd' };
    const svg = studySvg(study, 900, ink, 'sans-serif');
    expect(svg).toMatch(/>pre-trained<\/text>.*>from scratch<\/text>/);
    expect(svg.match(/class="deviation"/g)).toHaveLength(3);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });
});

describe('classification', () => {
  const cases: ClassifiedResult[] = [
    [0, [0.7, 0.2, 0.1]],
    [0, [0.3, 0.4, 0.3]],
    [1, [0.3, 0.6, 0.1]],
    [1, [0.1, 0.5, 0.4]],
    [0, [0.3, 0.3, 0.4]],
  ].map(([truth, probabilities], at) => ({
    case: `c${at}`,
    image: '',
    truth: truth as number,
    probabilities: probabilities as number[],
  }));

  it('counts by truth and prediction', () => {
    const counts = confusionMatrix(cases, 3);
    expect(counts).toEqual([
      [1, 1, 1],
      [0, 2, 0],
      [0, 0, 0],
    ]);
    const right = counts.reduce((sum, row, at) => sum + row[at]!, 0);
    const rows = cases.map(({ probabilities }) => probabilities);
    const truth = cases.map((one) => one.truth);
    expect(right / cases.length).toBe(classificationScores(rows, truth).accuracy);
  });

  it('the area under a drawn ROC curve is the AUC that the trainer measures, ties included', () => {
    for (const index of [0, 1]) {
      const scores = cases.map(({ probabilities }) => probabilities[index]!);
      const truth = cases.map((one) => one.truth === index);
      const curve = rocCurve(cases, index)!;
      expect(curve.area).toBeCloseTo(rocAuc(scores, truth), 12);
      expect(curve.points.at(-1)).toEqual([1, 1]);
    }
    expect(rocCurve(cases, 2)).toBeUndefined();
  });
});

describe('curves of a fine-tuning', () => {
  it('have a chart of the mean and one of the classes, in the colours of the classes', () => {
    const metrics = [
      'loss',
      'dice',
      'crossEntropy',
      'validation/dice',
      'validation/dice/liver',
      'validation/dice/spleen',
    ];
    const charts = chartsFor(metrics, { liver: '#c77b58' });
    expect(charts.map(({ id }) => id)).toEqual(['loss', 'parts', 'dice', 'classes']);
    // The part of the loss of the same name is another thing.
    expect(charts[1]!.metrics).toEqual(['dice', 'crossEntropy']);
    expect(charts[2]!.metrics).toEqual(['validation/dice']);
    expect(charts[3]!.colours).toEqual({ 'validation/dice/liver': '#c77b58' });
  });

  it('of a classification are not called position accuracy', () => {
    const charts = chartsFor(['loss', 'accuracy', 'validation/accuracy', 'validation/f1', 'validation/auc']);
    expect(charts.find(({ id }) => id === 'accuracy')!.title).toBe('Accuracy');
    expect(charts.find(({ id }) => id === 'scores')!.metrics).toEqual(['validation/f1', 'validation/auc']);
  });
});
