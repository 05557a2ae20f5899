import type { ComparedCase } from '../../src/protocol/comparison';
import { element } from '../ui/dom';
import { shortCaseName, ORIGINS } from './caseModel';
import { letterOf } from './letters';

/** Dice of each checkpoint on a case, as far as it was evaluated on it. */
function diceText({ checkpoints }: ComparedCase): string {
  return checkpoints
    .flatMap(({ dice }, at) => (dice === undefined ? [] : [`${letterOf(at)} ${dice.toFixed(3)}`]))
    .join('  ');
}

function option(item: ComparedCase, at: number, selected: boolean): HTMLElement {
  const trained = item.checkpoints.flatMap(({ split }, at) => (split === 'train' ? [letterOf(at)] : []));
  const facts = [diceText(item), trained.length > 0 ? `trained on by ${trained.join(', ')}` : ORIGINS[item.origin]];
  return element(
    'li',
    { role: 'option', id: `case-${at}`, 'data-id': item.id, 'aria-selected': String(selected), title: item.image[0] },
    element('span', { class: 'id' }, shortCaseName(item)),
    element('span', { class: 'muted' }, facts.filter(Boolean).join(' · ')),
  );
}

/** The cases that checkpoints can be looked at on: one is chosen with the pointer or the arrow keys. */
export class CaseList {
  readonly node = element('ul', { class: 'case-list', role: 'listbox', tabindex: 0, 'aria-label': 'Cases' });
  private cases: readonly ComparedCase[] = [];
  private selected: string | undefined;

  constructor(choose: (id: string) => void) {
    this.node.addEventListener('click', ({ target }) => {
      const item = target instanceof Element ? target.closest<HTMLElement>('[role=option]') : null;
      if (item?.dataset.id !== undefined) choose(item.dataset.id);
    });
    this.node.addEventListener('keydown', (event) => {
      const at = this.cases.findIndex(({ id }) => id === this.selected);
      const last = this.cases.length - 1;
      const to = { ArrowDown: at + 1, ArrowUp: Math.max(0, at - 1), Home: 0, End: last }[event.key];
      if (to === undefined || last < 0) return;
      event.preventDefault();
      choose(this.cases[Math.min(last, to)]!.id);
    });
  }

  update(cases: readonly ComparedCase[], selected: string | undefined): void {
    this.cases = cases;
    this.selected = selected;
    this.node.replaceChildren(...cases.map((item, at) => option(item, at, item.id === selected)));
    const active = this.node.querySelector('[aria-selected=true]');
    if (active) this.node.setAttribute('aria-activedescendant', active.id);
    active?.scrollIntoView({ block: 'nearest' });
  }
}
