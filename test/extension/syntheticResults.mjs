// A finished evaluation as `voco evaluate` leaves it, with made-up scores, without the hours of training.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ORGANS = [
  ['spleen', '#e6194b', 0.94],
  ['right kidney', '#3cb44b', 0.93],
  ['left kidney', '#b5e61d', 0.93],
  ['gallbladder', '#00a878', 0.72],
  ['oesophagus', '#f58231', 0.75],
  ['liver', '#c77b58', 0.96],
  ['stomach', '#ffe119', 0.86],
  ['aorta', '#ff5a5a', 0.91],
  ['inferior vena cava', '#4363d8', 0.86],
  ['portal and splenic veins', '#42d4f4', 0.76],
  ['pancreas', '#f032e6', 0.81],
  ['right adrenal gland', '#b388ff', 0.68],
  ['left adrenal gland', '#fabed4', 0.66],
];

const UNITS = { dice: '', nsd: '', hd95: 'mm', volumeError: '' };

function noise(seed) {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647 - 0.5;
}

function classScores(index, mean, random) {
  const dice = Math.max(0, Math.min(1, mean + 0.3 * random() * (1 - mean) * 2));
  const scores = {
    dice,
    nsd: Math.min(1, dice + 0.04),
    hd95: 2 + 60 * (1 - dice) ** 1.5,
    volumeError: (1 - dice) * 2 * random(),
  };
  const truth = 40 + 900 * (random() + 0.5) * mean;
  return {
    class: index + 1,
    name: ORGANS[index][0],
    scores,
    volume: { truth, predicted: truth * (1 + scores.volumeError) },
    worst: { position: [0, 0, 0], voxels: 10 },
  };
}

function summary(values) {
  const known = values.filter((value) => value !== null);
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const half = 1.96 * Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length ** 2);
  return { mean, low: mean - half, high: mean + half, count: known.length };
}

const undefinedScores = { dice: null, nsd: null, hd95: null, volumeError: null };

function writeEvaluation(root, name, created, state, results) {
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  const run = {
    format: 1,
    name: name.replace(/-\d+-\d+$/, ''),
    kind: 'evaluate',
    state: 'finished',
    created,
    started: created,
    ended: created,
    device: 'onednn',
    ...state,
  };
  writeFileSync(join(dir, 'run.json'), JSON.stringify(run));
  writeFileSync(join(dir, 'results.json'), JSON.stringify({ format: 1, ...results }));
  writeFileSync(join(dir, 'results.csv'), 'case,class,name,dice,nsd,hd95,volumeError\n');
  return dir;
}

/** Thirteen organs in `count` cases: one case without a gallbladder, one with an invented and one with a missed gland. */
export function writeSegmentationResults(root, name, { count = 8, seed = 5, image = '/nowhere/image.nii.gz' } = {}) {
  const random = noise(seed);
  const cases = Array.from({ length: count }, (_, at) => ({
    case: `img00${35 + at}`,
    image,
    prediction: `predictions/img00${35 + at}.nii.gz`,
    classes: ORGANS.map(([, , mean], index) => classScores(index, mean, random)),
  }));
  const change = (at, index, scores, volume) => Object.assign(cases[at].classes[index], { scores, volume });
  change(2, 3, undefinedScores, { truth: 0, predicted: 0 });
  change(4, 11, { ...undefinedScores, nsd: 0 }, { truth: 0, predicted: 1.4 });
  change(5, 12, { dice: 0, nsd: 0, hd95: null, volumeError: -1 }, { truth: 3.1, predicted: 0 });
  const names = Object.keys(UNITS);
  const byName = (values) => Object.fromEntries(names.map((score) => [score, summary(values(score))]));
  const caseMean = (item, score) => {
    const known = item.classes.map(({ scores }) => scores[score]).filter((value) => value !== null);
    return known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  const classes = ORGANS.map(([organ], index) => ({
    class: index + 1,
    name: organ,
    scores: byName((score) => cases.map((item) => item.classes[index].scores[score])),
  }));
  const overall = byName((score) => cases.map((item) => caseMean(item, score)));
  return writeEvaluation(
    root,
    name,
    '2026-01-05T10:00:00.000Z',
    { step: count, totalSteps: count, heldOut: { dice: overall.dice.mean } },
    {
      task: 'BTCV: 13 abdominal organs in CT',
      space: 'image',
      surfaceTolerance: 1,
      units: UNITS,
      step: 24000,
      classes: ORGANS.map(([organ, colour], index) => ({ name: organ, values: [index + 1], colour })),
      cases,
      summary: { classes, overall },
      published: [{ metric: 'dice', value: 0.8385, of: 'VoCo, Swin-UNETR (CVPR 2024)' }],
      failed: [{ case: 'img0099', image: '/nowhere/img0099.nii.gz', reason: '/nowhere/img0099.nii.gz: truncated' }],
      settings: {
        weights: { sha256: 'ab'.repeat(32), bytes: 250_000_000 },
        window: [96, 96, 96],
        inference: { overlap: 0.5, blend: 'gaussian', mirror: false, surfaceTolerance: 1 },
        preprocess: { spacing: [1.5, 1.5, 1.5], intensity: { kind: 'window', low: -175, high: 250 } },
        channel: 0,
        labelsOnImageGrid: false,
        heldOut: cases.map((item) => item.case),
        device: 'onednn',
        precision: 'float32',
        version: '0.1.0',
        created: '2026-01-05T10:00:00.000Z',
      },
    },
  );
}

/** Sixty volumes of three classes. */
export function writeClassificationResults(root, name) {
  const random = noise(11);
  const classification = Array.from({ length: 60 }, (_, at) => {
    const truth = at % 3;
    const raw = [0, 1, 2].map((index) => Math.exp((index === truth ? 1.6 : 0) + 4 * random()));
    const sum = raw.reduce((total, value) => total + value, 0);
    return {
      case: `case${String(at + 1).padStart(4, '0')}`,
      image: '/nowhere/image.nii.gz',
      truth,
      probabilities: raw.map((value) => value / sum),
    };
  });
  const hits = classification.map(({ truth, probabilities }) =>
    probabilities.indexOf(Math.max(...probabilities)) === truth ? 1 : 0,
  );
  const accuracy = summary(hits);
  const names = [
    ['common pneumonia', '#f58231'],
    ['COVID-19', '#e6194b'],
    ['normal', '#3cb44b'],
  ];
  return writeEvaluation(
    root,
    name,
    '2026-01-04T10:00:00.000Z',
    { step: 60, totalSteps: 60, heldOut: { accuracy: accuracy.mean } },
    {
      task: 'CC-CCII: pneumonia in chest CT, one class a volume',
      units: { accuracy: '', f1: '', auc: '' },
      step: 2400,
      classes: names.map(([title, colour], index) => ({ name: title, values: [index], colour })),
      cases: [],
      classification,
      summary: {
        classes: [],
        overall: { accuracy, f1: accuracy, auc: { ...accuracy, mean: 0.88, low: 0.81, high: 0.94 } },
      },
      published: [{ metric: 'accuracy', value: 0.9083, of: 'VoCo, Swin-UNETR (CVPR 2024)' }],
    },
  );
}

/** A study of four amounts of labels and three seeds, done. */
export function writeStudy(root, name) {
  const amounts = [1, 2, 4, 8];
  const sides = { pretrained: [0.52, 0.64, 0.73, 0.79], scratch: [0.4, 0.55, 0.68, 0.77] };
  const points = Object.entries(sides).flatMap(([arm, means]) =>
    means.map((mean, at) => ({
      arm,
      amount: amounts[at],
      mean,
      deviation: (arm === 'scratch' ? 0.03 : 0.02) / (at + 1),
      count: 3,
    })),
  );
  const differences = amounts.map((amount, at) => ({
    amount,
    mean: sides.pretrained[at] - sides.scratch[at],
    deviation: 0.025 / (at + 1),
    count: 3,
    ahead: 3,
  }));
  const runs = amounts.flatMap((amount) =>
    [0, 1, 2].flatMap((seed) =>
      Object.keys(sides).map((arm) => ({ arm, amount, cases: amount, seed, run: 'runs/x', state: 'finished' })),
    ),
  );
  const dir = writeEvaluation(
    root,
    name,
    '2026-01-03T10:00:00.000Z',
    { kind: 'study', step: 4800, totalSteps: 4800 },
    {},
  );
  const checkpoint = '/elsewhere/runs/voco-20260101-000000/checkpoints/step-00001000.safetensors';
  const study = { format: 1, name: 'efficiency', task: 'BTCV: 13 abdominal organs in CT', score: 'dice', by: 'cases' };
  const plan = { amounts, seeds: [0, 1, 2], checkpoint, available: 8, heldOut: 6, runs };
  writeFileSync(join(dir, 'study.json'), JSON.stringify({ ...study, ...plan, points, differences }));
  return dir;
}
