import type { Comparison, ModuleDifference, WeightComparison } from '../../src/protocol/comparison';
import type { CompareState } from '../../src/protocol/compare';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { Drawn } from './drawn';
import { badge, letterOf } from './letters';
import {
  changeText,
  cosineText,
  largestChange,
  totalRow,
  weightRows,
  type WeightRow,
  type WeightSort,
} from './weightModel';
import { counted, formatCount, formatSize, formatValue } from '../../src/text';

/** Weights by module against the reference: norms, relative change and cosine. */
export class WeightsView {
  readonly node = element('section', { class: 'weights' });
  private readonly drawn = new Drawn();
  private readonly table = element('div', { class: 'scroll', id: 'weights' });
  private readonly rest = element('ul', { class: 'muted rest' });

  constructor(private readonly set: (change: Partial<CompareState>) => void) {
    this.node.append(
      element('h2', {}, 'Weights by module'),
      this.table,
      this.rest,
      element(
        'p',
        { class: 'muted note' },
        'Norms are Euclidean. The change is the norm of the difference over the norm of A; the cosine is that of the angle between ' +
          'the two as vectors. Tensors that both have in one shape are compared.',
      ),
    );
  }

  update({ weights }: Comparison, state: CompareState, theme: Theme): void {
    if (!this.drawn.differs(weights, state.weightSort, theme)) return;
    const shared = weights.some(({ modules }) => modules.length > 0);
    const held = document.activeElement?.closest('#weights th') ? document.activeElement.id : '';
    this.table.replaceChildren(
      shared
        ? this.weightTable(weights, state.weightSort, theme)
        : element('p', {}, 'The networks have no weights in common: no tensor has the same name and shape.'),
    );
    if (held) document.getElementById(held)?.focus();
    this.rest.replaceChildren(...weights.flatMap(restOf).map((node) => element('li', {}, node)));
    this.rest.hidden = this.rest.childElementCount === 0;
  }

  private weightTable(weights: readonly WeightComparison[], sort: WeightSort, theme: Theme): HTMLElement {
    const rows = weightRows(weights, sort);
    const most = largestChange(rows);
    const groups = weights.flatMap(({ checkpoint }, at) => [
      element('th', { scope: 'col' }, 'Norm ', badge(checkpoint, theme.kind)),
      this.sortHead(at, `Change ${letterOf(checkpoint)}`, sort),
      element('th', { scope: 'col' }, `Cosine ${letterOf(checkpoint)}`),
    ]);
    const head = element(
      'tr',
      {},
      this.sortHead('module', 'Module', sort),
      element('th', { scope: 'col' }, 'Parameters'),
      element('th', { scope: 'col' }, 'Norm ', badge(0, theme.kind)),
      ...groups,
    );
    const caption = element('caption', { class: 'unseen' }, 'Weights by module against those of A');
    return element(
      'table',
      {},
      caption,
      element('thead', {}, head),
      element('tbody', {}, ...rows.map((row) => weightRow(row, most))),
      element('tfoot', {}, weightRow(totalRow(weights), most)),
    );
  }

  private sortHead(by: WeightSort['by'], label: string, sort: WeightSort): HTMLElement {
    const own = sort.by === by;
    const arrow = element('span', { 'aria-hidden': 'true' }, own ? (sort.descending ? ' ▼' : ' ▲') : '');
    const node = element('button', { type: 'button', class: 'sort', id: `weights-${by}` }, label, arrow);
    // Modules go down the network at first, changes start with the largest.
    const descending = own ? !sort.descending : by !== 'module';
    node.addEventListener('click', () => this.set({ weightSort: { by, descending } }));
    const direction = own ? (sort.descending ? 'descending' : 'ascending') : 'none';
    return element('th', { scope: 'col', 'aria-sort': direction }, node);
  }
}

/** A number with a bar of its share of the cell. */
function barCell(text: string, share: number): HTMLElement {
  const bar = element('span', { class: 'bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--share', `${Math.round(100 * Math.max(0, Math.min(1, share)))}%`);
  return element('td', { class: 'barred' }, element('span', {}, text), bar);
}

function pairCells(pair: ModuleDifference | undefined, most: number): HTMLElement[] {
  const none = (): HTMLElement => element('td', { class: 'muted' }, '–');
  if (!pair || pair.tensors === 0) return [none(), none(), none()];
  return [
    element('td', {}, formatValue(pair.norm, 4)),
    barCell(changeText(pair.relativeChange), (pair.relativeChange ?? 0) / most),
    barCell(cosineText(pair.cosine), pair.cosine ?? 0),
  ];
}

function weightRow({ module, parameters, referenceNorm, pairs }: WeightRow, most: number): HTMLElement {
  return element(
    'tr',
    { 'data-module': module },
    element('th', { scope: 'row' }, module),
    element('td', { class: 'muted' }, formatCount(parameters)),
    element('td', {}, formatValue(referenceNorm, 4)),
    ...pairs.flatMap((pair) => pairCells(pair, most)),
  );
}

/** The tensors that could not be compared, folded. */
function restOf({ checkpoint, onlyInReference, onlyInOther, otherShape }: WeightComparison): HTMLElement[] {
  const letter = letterOf(checkpoint);
  const shapes = otherShape.map(
    ({ name, reference, other }) => `${name}: ${formatSize(reference)}, ${formatSize(other)}`,
  );
  const lists: [string, readonly string[]][] = [
    [`only in A, not in ${letter}`, onlyInReference],
    [`only in ${letter}`, onlyInOther],
    [`of another shape in ${letter}`, shapes],
  ];
  return lists
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) =>
      element(
        'details',
        {},
        element('summary', {}, `${counted(names.length, 'tensor')} ${what}`),
        element('pre', {}, names.join('\n')),
      ),
    );
}
