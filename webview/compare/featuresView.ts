import type { ComparedCheckpoint, FeatureComparison, FeatureStage } from '../../src/protocol/comparison';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import { letterOf, reasonText } from './letters';
import type { Task } from './task';

/** Every two checkpoints, by their positions. */
export function pairsOf(count: number): (readonly [number, number])[] {
  const all = Array.from({ length: count }, (_, at) => at);
  return all.flatMap((a) => all.slice(a + 1).map((b) => [a, b] as const));
}

function heatCell(value: number | null, debiased: number | null): HTMLElement {
  if (value === null) return element('td', { class: 'muted', title: 'One of the two has no such stage' }, '–');
  const text = debiased === null ? value.toFixed(3) : `${value.toFixed(3)} (${debiased.toFixed(3)})`;
  const node = element('td', { class: 'heat' }, text);
  node.style.setProperty('--share', `${Math.round(100 * value)}%`);
  return node;
}

function stageRow(
  { stride, samples, channels, cka, debiased }: FeatureStage,
  at: number,
  pairs: ReturnType<typeof pairsOf>,
) {
  const widths = [...new Set(channels.filter((one) => one !== null))];
  const few = widths.some((width) => samples < width);
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, `${at + 1}`),
    element('td', { class: 'muted' }, `1 / ${stride}`),
    element('td', { class: 'muted' }, widths.join(', ')),
    element(
      'td',
      {
        class: few ? 'problem' : 'muted',
        title: few
          ? 'Fewer positions than channels: CKA is too large here; the debiased value in brackets is not'
          : undefined,
      },
      few ? `${samples} (few)` : String(samples),
    ),
    ...pairs.map(([a, b]) => heatCell(cka[a]?.[b] ?? null, debiased[a]?.[b] ?? null)),
  );
}

/** Similarity of features, computed when it is asked for. */
export class FeaturesView {
  readonly node = element('section', { class: 'features', id: 'features' });
  private readonly result = element('div', { class: 'scroll' });
  private readonly start = button('Compare features', () => void this.ask(), {
    id: 'compare-features',
    title: 'Runs the same crops through every network, in the background',
  });
  private readonly line = element('div', { class: 'toolbar' }, this.start);
  private readonly cannot = element('p', { class: 'muted' });
  private asked = '';
  private checkpoints: readonly ComparedCheckpoint[] = [];

  constructor(private readonly task: Task<'features'>) {
    this.node.append(
      element('h2', {}, 'Similarity of features'),
      element(
        'p',
        { class: 'muted note' },
        'Linear CKA of the features of each encoder stage on the same crops: 1 means the same features up to a ' +
          'rotation and scale, 0 means nothing in common. In brackets: the debiased estimate, for few positions.',
      ),
      this.cannot,
      this.line,
      task.node,
      this.result,
    );
  }

  /** Other checkpoints are compared: what was computed is not of them. */
  update(files: readonly string[], checkpoints: readonly ComparedCheckpoint[]): void {
    const key = files.join('\n');
    if (key !== this.asked) {
      this.asked = key;
      this.task.cancel();
      this.result.replaceChildren();
      this.line.hidden = false;
    }
    this.checkpoints = checkpoints;
    const reasons = checkpoints.flatMap(({ cannot, file }, at) =>
      cannot.features === undefined ? [] : [reasonText(at, file, cannot.features)],
    );
    this.cannot.textContent = reasons.join('. ');
    this.cannot.hidden = reasons.length === 0;
    this.start.toggleAttribute('disabled', checkpoints.length - reasons.length < 2);
  }

  private async ask(): Promise<void> {
    const key = this.asked;
    this.line.hidden = true;
    const answer = await this.task.run({ files: key.split('\n') }, 'Running crops through the networks');
    if (key !== this.asked) return;
    this.line.hidden = answer !== undefined;
    if (answer) this.draw(answer);
  }

  private draw({ stages, missing, crops, estimator, image }: FeatureComparison): void {
    const pairs = pairsOf(missing.length);
    const titles = ['Stage', 'Resolution', 'Channels', 'Positions'];
    const head = element(
      'tr',
      {},
      ...titles.map((title) => element('th', { scope: 'col' }, title)),
      ...pairs.map(([a, b]) => element('th', { scope: 'col' }, `${letterOf(a)} – ${letterOf(b)}`)),
    );
    const name = image[0]?.split(/[\\/]/).at(-1) ?? '';
    const left = missing.flatMap((reason, at) =>
      reason === null ? [] : [`Left out: ${reasonText(at, this.checkpoints[at]?.file ?? '', reason)}`],
    );
    this.result.replaceChildren(
      element(
        'table',
        {},
        element('caption', { class: 'unseen' }, 'Linear CKA (debiased) by stage and pair of checkpoints'),
        element('thead', {}, head),
        element('tbody', {}, ...stages.map((stage, at) => stageRow(stage, at, pairs))),
      ),
      ...left.map((text) => element('p', { class: 'muted' }, text)),
      element('p', { class: 'muted note' }, `${crops} random crops of ${name}. ${estimator}`),
    );
  }
}
