import type { ResultClass, Results, ScoreSummary } from '../../src/protocol/scores';
import type { ShownStudy } from '../../src/protocol/results';
import { metricsOf, type Metric } from './scores';
import { studyTable } from './studyTable';

const SPECIAL: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '−': '$-$',
  '–': '--',
  '±': '$\\pm$',
};

/** Text with everything that LaTeX would take as a command made harmless. */
export const escapeLatex = (text: string): string =>
  text.replace(/[\\~^−–±&%$#_{}]/g, (found) => SPECIAL[found] ?? `\\${found}`);

function cell(metric: Metric, summary: ScoreSummary | undefined): string {
  if (!summary || summary.mean === null) return '--';
  const { mean, low, high } = summary;
  const shown = escapeLatex(metric.format(mean));
  if (low === null || high === null) return shown;
  return `${shown} {\\scriptsize (${escapeLatex(metric.format(low))} to ${escapeLatex(metric.format(high))})}`;
}

const row = (cells: readonly string[]): string => `  ${cells.join(' & ')} \\\\\n`;

/** Means with 95 % intervals of every metric and class as a LaTeX table (package booktabs). */
export function latexTable(results: Results, classes: readonly ResultClass[]): string {
  const metrics = metricsOf(results);
  const { summary, cases } = results;
  const names = metrics.map(({ label, unit }) => escapeLatex(unit ? `${label} (${unit})` : label));
  const body = classes.map(({ name }, index) =>
    row([escapeLatex(name), ...metrics.map((metric) => cell(metric, summary?.classes[index]?.scores[metric.id]))]),
  );
  const overall = row(['Mean', ...metrics.map((metric) => cell(metric, summary?.overall[metric.id]))]);
  const tolerance = results.surfaceTolerance === undefined ? '' : `; NSD at ${results.surfaceTolerance} mm`;
  return [
    `% ${results.task ?? 'Results'}: ${cases.length} cases, means with 95 % bootstrap intervals${tolerance}. Needs \\usepackage{booktabs}.\n`,
    `\\begin{tabular}{l${'r'.repeat(metrics.length)}}\n  \\toprule\n`,
    row(['', ...names]),
    '  \\midrule\n',
    ...body,
    ...(classes.length > 1 ? ['  \\midrule\n', overall] : []),
    '  \\bottomrule\n\\end{tabular}\n',
  ].join('');
}

/** Accuracy, F1 and AUC of a classification as a LaTeX table (package booktabs). */
export function latexScores(results: Results, labels: Readonly<Record<string, string>>): string {
  const overall = Object.entries(results.summary?.overall ?? {});
  const number = (value: number | null): string => value?.toFixed(3) ?? '--';
  const rows = overall.map(([name, { mean, low, high }]) =>
    row([escapeLatex(labels[name] ?? name), number(mean), `${number(low)} to ${number(high)}`]),
  );
  return [
    `% ${results.task ?? 'Results'}: ${results.classification?.length ?? 0} cases. Needs \\usepackage{booktabs}.\n`,
    '\\begin{tabular}{lrr}\n  \\toprule\n',
    row(['', 'value', '95\\,\\% interval']),
    '  \\midrule\n',
    ...rows,
    '  \\bottomrule\n\\end{tabular}\n',
  ].join('');
}

/** Both sides of a study and their paired difference as a LaTeX table (package booktabs). */
export function latexStudy(study: ShownStudy): string {
  const { task, score, seeds, heldOut } = study;
  const { header, rows } = studyTable(study);
  const cells = (texts: readonly string[]): string => row(texts.map(escapeLatex));
  return [
    `% ${task}: ${score} on ${heldOut} held-out cases, mean and standard deviation over ${seeds} seeds. ` +
      'Needs \\usepackage{booktabs}.\n',
    '\\begin{tabular}{rrrrr}\n  \\toprule\n',
    cells(header),
    '  \\midrule\n',
    ...rows.map(cells),
    '  \\bottomrule\n\\end{tabular}\n',
  ].join('');
}
