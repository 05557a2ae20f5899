import type { AnswerView, CropAnswer } from '../../src/protocol/answers';
import { element } from '../ui/dom';
import { pictureRow } from './cropPictures';

/** How many of many classes or crops are listed. */
const LISTED = 5;

const percent = (share: number): string => `${(100 * share).toFixed(share >= 0.995 || share < 0.0005 ? 0 : 1)} %`;

/** How well an answer fits, in a line. */
function scoresText(scores: Readonly<Record<string, number>>): string {
  return Object.entries(scores)
    .map(([name, value]) => `${name} ${value.toFixed(4).replace('-', '−')}`)
    .join(', ');
}

interface Bar {
  readonly name: string;
  /** Length of the bar, 0 to 1. */
  readonly share: number;
  readonly text: string;
  readonly right: boolean;
}

/** Bars with names and numbers; the right one is marked by a tick as well as by its colour. */
function barTable(caption: string, note: string, bars: readonly Bar[]): HTMLElement {
  const rows = bars.map(({ name, share, text, right }) => {
    const bar = element('span', { class: 'bar' });
    bar.style.setProperty('--share', `${Math.round(100 * Math.max(0, Math.min(1, share)))}%`);
    const head = element('th', { scope: 'row' }, right ? `✓ ${name}` : name);
    const attributes = { class: right ? 'right' : undefined, title: right ? 'this one is right' : undefined };
    return element(
      'tr',
      attributes,
      head,
      element('td', { class: 'track', 'aria-hidden': 'true' }, bar),
      element('td', {}, text),
    );
  });
  const title = element('caption', {}, element('span', {}, caption), element('span', { class: 'muted' }, note));
  return element('table', { class: 'bars' }, title, ...rows);
}

type Classes = Extract<AnswerView, { kind: 'classes' }>;

/** The likeliest classes of one thing, and the right one wherever it stands. */
function classBars({ name, classes, rows, scores }: Classes): HTMLElement {
  const [{ probabilities, right }] = rows as [Classes['rows'][number]];
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
  const shown = order.length <= 2 * LISTED ? order : order.filter((i, rank) => rank < LISTED || i === right);
  const bar = (i: number): Bar => {
    const rank = order.indexOf(i) + 1;
    const place = shown.length < order.length && rank > LISTED ? ` (number ${rank})` : '';
    return {
      name: `${classes[i]!}${place}`,
      share: probabilities[i]!,
      text: percent(probabilities[i]!),
      right: i === right,
    };
  };
  return barTable(name, scoresText(scores), shown.map(bar));
}

/** Classes of several things alike: one line each, the right class framed. */
function classGrid({ name, classes, rows, scores }: Classes): HTMLElement {
  const head = element('tr', {}, element('td', {}), ...classes.map((one) => element('th', { scope: 'col' }, one)));
  const body = rows.map(({ name: row, probabilities, right }) => {
    const cells = probabilities.map((value, i) => {
      const cell = element(
        'td',
        { class: i === right ? 'right' : undefined },
        `${i === right ? '✓ ' : ''}${Math.round(100 * value)} %`,
      );
      cell.style.setProperty('--share', `${Math.round(100 * value)}%`);
      return cell;
    });
    return element('tr', {}, element('th', { scope: 'row' }, row), ...cells);
  });
  const title = element(
    'caption',
    {},
    element('span', {}, name),
    element('span', { class: 'muted' }, scoresText(scores)),
  );
  return element('table', { class: 'class-grid' }, title, head, ...body);
}

/** How near the partner of a crop is, beside the nearest of the others. */
function partnerBars({ name, partner, others, scores }: Extract<AnswerView, { kind: 'partner' }>): HTMLElement {
  const cosine = (value: number): string => value.toFixed(3).replace('-', '−');
  const nearest = [...others].sort((a, b) => b - a).slice(0, LISTED - 1);
  const ahead = others.filter((value) => value > partner).length;
  const bars = [
    { name: 'partner', share: partner, text: cosine(partner), right: true },
    ...nearest.map((value, i) => ({ name: `other ${i + 1}`, share: value, text: cosine(value), right: false })),
  ].sort((a, b) => b.share - a.share);
  const rank = `partner is number ${ahead + 1} of ${others.length + 1}`;
  const alone = 'a batch of this config has no other crop to tell it from';
  return barTable(`${name}: cosine`, others.length === 0 ? alone : `${rank}; ${scoresText(scores)}`, bars);
}

function partNode(part: AnswerView): HTMLElement {
  switch (part.kind) {
    case 'image':
      return pictureRow(part.picture, scoresText(part.scores));
    case 'classes':
      return part.rows.length === 1 ? classBars(part) : classGrid(part);
    case 'partner':
      return partnerBars(part);
    case 'places':
      return element(
        'p',
        { class: 'muted' },
        `The base crops above have its probabilities; ${scoresText(part.scores)}`,
      );
  }
}

/** What a network answers to what its pretext task asks of a crop. */
export function answerNodes({ parts }: CropAnswer): HTMLElement[] {
  return parts.map(partNode);
}

/** The probabilities of base crops in an answer, where it has some. */
export function placesOf(answer: CropAnswer | undefined): readonly number[] | undefined {
  return answer?.parts.find((part) => part.kind === 'places')?.probabilities;
}
