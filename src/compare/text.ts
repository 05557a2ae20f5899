import type { Comparison, FeatureComparison, ModuleDifference, PairedScore } from '../protocol/comparison';
import { formatCount, formatSize } from '../text';

/** Columns as wide as their widest cell; numbers to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

const MAX_CELL = 36;

/** A value of a config; of a long one, such as a path, the end. */
function cell(value: string | null): string {
  if (value === null) return '–';
  const text = value.replace(/^"|"$/g, '');
  return text.length > MAX_CELL ? `…${text.slice(1 - MAX_CELL)}` : text;
}

const number = (value: number | null): string => (value === null ? '–' : value.toPrecision(4));

const moduleRow = ({ module, parameters, referenceNorm, norm, relativeChange, cosine }: ModuleDifference): string[] => [
  module,
  formatCount(parameters),
  ...[referenceNorm, norm, relativeChange, cosine].map(number),
];

function scoreRow({ name, metric, reference, other, difference, low, high, cases, p, test }: PairedScore): string[] {
  const interval = low === null ? '–' : `${number(low)} to ${number(high)}`;
  return [
    `${name} ${metric}`,
    number(reference),
    number(other),
    number(difference),
    interval,
    String(cases),
    `${number(p)} (${test})`,
  ];
}

const share = (value: number | null): string => value?.toFixed(3) ?? '–';

function featureLines({ image, crops, input, estimator, stages, missing }: FeatureComparison): string[] {
  const others = missing.flatMap((_, i) => missing.slice(i + 1).map((_, k) => [i, i + 1 + k] as const));
  const pairs = others.filter(([i, j]) => missing[i] === null && missing[j] === null);
  const heads = ['stage', 'samples', 'channels', ...pairs.map(([i, j]) => `${i + 1} and ${j + 1}`)];
  const rows = stages.map(({ stride, samples, channels, cka, debiased }) => [
    `stride ${stride}`,
    String(samples),
    channels.map((count) => count ?? '–').join(', '),
    ...pairs.map(([i, j]) => (cka[i]![j] === null ? '–' : `${share(cka[i]![j]!)} (${share(debiased[i]![j]!)})`)),
  ]);
  return [
    ...['', `Features on ${crops} crops of ${formatSize(input)} voxels of ${image.join(', ')}`, estimator],
    ...columns([heads, ...rows]),
    'CKA (debiased): CKA itself is too large where samples are few.',
    ...missing.filter((reason) => reason !== null),
  ];
}

/** A comparison for the terminal. */
export function comparisonText({ checkpoints, config, weights, scores, features }: Comparison): string {
  const lines = checkpoints.flatMap(({ file, facts }, i) => [
    `${i + 1}  ${file}`,
    ...facts.map(({ name, text }) => `   ${name}: ${text}`),
  ]);
  lines.push('', config.length === 0 ? 'Configs: the same' : 'Configs');
  if (config.length > 0) lines.push(...columns(config.map(({ path, values }) => [path, ...values.map(cell)])));
  for (const { checkpoint, modules, total, onlyInReference, onlyInOther, otherShape } of weights) {
    const heads = ['module', 'parameters', 'norm of 1', `norm of ${checkpoint + 1}`, 'change', 'cosine'];
    lines.push('', `Weights: ${checkpoint + 1} against 1`, ...columns([heads, ...[...modules, total].map(moduleRow)]));
    const rest = [
      [onlyInReference.length, 'only in 1'],
      [onlyInOther.length, `only in ${checkpoint + 1}`],
      [otherShape.length, 'of another shape'],
    ].filter(([count]) => count !== 0);
    if (rest.length > 0) lines.push(`tensors ${rest.map(([count, what]) => `${what}: ${count}`).join(', ')}`);
  }
  for (const { checkpoint, scores: rows, missing, settings } of scores) {
    lines.push('', `Scores: ${checkpoint + 1} against 1`);
    if (missing) lines.push(missing);
    if (settings) lines.push(`evaluated with other settings: ${settings.join('; ')}`);
    const heads = ['score', '1', String(checkpoint + 1), 'difference', '95 % interval', 'cases', 'p (Wilcoxon)'];
    if (rows.length > 0) lines.push(...columns([heads, ...rows.map(scoreRow)]));
  }
  if (features) lines.push(...featureLines(features));
  return `${lines.join('\n')}\n`;
}
