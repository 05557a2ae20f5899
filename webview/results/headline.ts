import type { ShownResults, ShownStudy } from '../../src/protocol/results';
import type { ScoreSummary } from '../../src/protocol/scores';
import { element } from '../ui/dom';
import { SCORE_LABELS } from './classification';
import { measuredWith, notScored } from './measured';
import { explain, type Metric } from './scores';
import { counted } from '../../src/text';

function figure(label: string, summary: ScoreSummary | undefined, format: (value: number) => string): HTMLElement {
  const { mean, low, high } = summary ?? { mean: null, low: null, high: null };
  const interval =
    low === null || high === null ? 'no interval for one case' : `95 %: ${format(low)} to ${format(high)}`;
  return element(
    'div',
    { class: 'figure' },
    element('span', { class: 'muted' }, label),
    element('b', {}, mean === null ? 'undefined' : format(mean)),
    element('span', { class: 'muted' }, mean === null ? '' : interval),
  );
}

const share = (value: number): string => value.toFixed(3);

/** The main figures, and what they were measured on. */
export function headline(shown: ShownResults, metric: Metric | undefined): HTMLElement[] {
  const { results, run } = shown;
  const { summary, classification, cases, task, step, published = [] } = results;
  const overall = summary?.overall ?? {};
  const figures = metric
    ? [
        figure(`Mean ${metric.label}${metric.unit && `, ${metric.unit}`}`, overall[metric.id], (value) =>
          metric.format(value),
        ),
      ]
    : Object.entries(overall).map(([name, one]) => figure(SCORE_LABELS[name] ?? name, one, share));
  const count = classification?.length ?? cases.length;
  const name = run.split(/[/\\]/).at(-1)!;
  const facts = [
    task,
    counted(count, 'held-out case'),
    ...(step === undefined ? [] : [`weights of step ${step}`]),
    ...(metric ? ['measured on the grid of the images'] : []),
    name,
  ];
  const fitting = published.filter((one) => (metric ? one.metric === metric.id : one.metric === 'accuracy'));
  const known = fitting.map(({ of, value }) => `${of} ${share(value)}`).join('; ');
  return [
    element('div', { class: 'figures' }, ...figures),
    element(
      'div',
      { class: 'facts muted' },
      element('div', {}, facts.filter(Boolean).join(' · ')),
      ...(metric ? [element('div', {}, `${explain(metric, results)}.`)] : []),
      ...(known ? [element('div', {}, `Published, on other splits and grids: ${known}`)] : []),
      ...measuredWith(shown),
    ),
    ...notScored(shown),
  ];
}

/** What a study compares, and how far it is. */
export function studyHeadline({ task, seeds, heldOut, checkpoint, done, total }: ShownStudy): HTMLElement[] {
  const parts = checkpoint.split(/[/\\]/);
  const weights = parts.at(-2) === 'checkpoints' ? `${parts.at(-3)}, ${parts.at(-1)}` : parts.at(-1)!;
  const facts = [task, counted(seeds, 'seed'), counted(heldOut, 'held-out case')];
  return [
    element(
      'div',
      { class: 'figures' },
      element(
        'div',
        { class: 'figure' },
        element('span', { class: 'muted' }, 'Fine-tunings'),
        element('b', {}, `${done} of ${total}`),
      ),
    ),
    element(
      'div',
      { class: 'facts muted' },
      element('div', {}, facts.join(' · ')),
      element('div', {}, `Pre-trained weights: ${weights}`),
      element('div', {}, 'Both sides have the same budget, cases, crops and seeds.'),
    ),
  ];
}
