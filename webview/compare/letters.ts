import { element } from '../ui/dom';
import { lineStyle, type Theme } from '../ui/theme';

/** What the checkpoints of a comparison are called, in their order; the first is the reference. */
export const letterOf = (at: number): string => 'ABCD'[at] ?? String(at + 1);

/** Why a checkpoint cannot be asked, with its letter in place of its path. */
export const reasonText = (at: number, file: string, reason: string): string =>
  reason.startsWith(`${file}: `) ? `${letterOf(at)} ${reason.slice(file.length + 2)}` : `${letterOf(at)}: ${reason}`;

/** The colour of a checkpoint in charts and on its badge. */
export const colourOf = (at: number, kind: Theme['kind']): string => lineStyle(at, kind).colour;

/** The letter of a checkpoint on its colour. */
export function badge(at: number, kind: Theme['kind']): HTMLElement {
  const node = element('span', { class: 'letter' }, letterOf(at));
  node.style.setProperty('--own', colourOf(at, kind));
  return node;
}
