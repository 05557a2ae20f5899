import type { RunMarks } from '../../src/protocol/curves';
import { element } from '../ui/dom';
import { formatCount } from '../../src/text';

/** More steps than these are counted. */
const MOST_NAMED = 3;

function stepsText(steps: readonly number[]): string {
  const named = steps.slice(0, MOST_NAMED).map(formatCount).join(', ');
  return steps.length > MOST_NAMED ? `${named} and ${steps.length - MOST_NAMED} more` : named;
}

/** What the vertical lines of the charts mean, and at which steps of the range they stand; empty where there are none. */
export function explainMarks(marks: readonly RunMarks[], [low, high]: readonly [number, number]): HTMLElement[] {
  const inRange = (kind: 'resumed' | 'nonFinite'): number[] =>
    [...new Set(marks.flatMap((one) => one[kind]))].filter((step) => step >= low && step <= high).sort((a, b) => a - b);
  const line = (kind: string, text: string, steps: number[]): HTMLElement[] =>
    steps.length === 0
      ? []
      : [element('li', {}, element('span', { class: `mark ${kind}` }), `${text} ${stepsText(steps)}`)];
  return [
    ...line('resumed', 'resumed at step', inRange('resumed')),
    ...line('broken', 'not a finite number at step', inRange('nonFinite')),
  ];
}
