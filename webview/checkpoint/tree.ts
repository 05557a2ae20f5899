import { element } from '../ui/dom';
import type { ModuleNode, VisibleNode } from './modules';
import { counted, formatBytes, formatCount, formatSize } from '../../src/text';

/** More rows than people read; a search finds the others. */
const MOST_ROWS = 3000;

export interface TreeActions {
  toggle(node: ModuleNode, open: boolean): void;
  choose(node: ModuleNode): void;
}

/** The tree of modules as a tree grid: name, shape or number of tensors, parameters, type, bytes. */
export class ModuleTree {
  readonly node = element('div', { class: 'tree', role: 'treegrid', tabindex: 0, 'aria-label': 'Modules and tensors' });
  private visible: readonly VisibleNode[] = [];
  private active = '';

  constructor(private readonly actions: TreeActions) {
    this.node.addEventListener('click', (event) => this.clicked(event));
    this.node.addEventListener('keydown', (event) => this.key(event));
  }

  draw(visible: readonly VisibleNode[], selected: string | undefined): void {
    this.visible = visible.slice(0, MOST_ROWS);
    if (selected !== undefined) this.active = selected;
    if (!this.visible.some(({ node }) => node.path === this.active)) this.active = this.visible[0]?.node.path ?? '';
    const titles = ['Name', 'Shape', 'Parameters', 'Type', 'Size'].map((title, index) =>
      element('span', { role: 'columnheader', class: index === 2 || index === 4 ? 'number' : '' }, title),
    );
    const rows = this.visible.map((one, index) => this.row(one, index, selected));
    const more =
      visible.length > MOST_ROWS
        ? [element('p', { class: 'muted more' }, `${visible.length - MOST_ROWS} further rows: search by name.`)]
        : [];
    this.node.replaceChildren(element('div', { class: 'titles', role: 'row' }, ...titles), ...rows, ...more);
    this.mark();
  }

  private row({ node, level, open }: VisibleNode, index: number, selected: string | undefined): HTMLElement {
    const { tensor } = node;
    const twisty = element('span', { class: 'twisty', 'aria-hidden': 'true' });
    twisty.textContent = node.children.length === 0 ? '' : open ? '⌄' : '›';
    const name = element('span', { class: 'name', role: 'gridcell', title: node.path }, twisty, node.label);
    name.style.paddingLeft = `${8 + 14 * (level - 1)}px`;
    const shape = tensor
      ? tensor.shape.length === 0
        ? 'scalar'
        : formatSize(tensor.shape)
      : counted(node.tensors, 'tensor');
    const cells = [
      element('span', { role: 'gridcell', class: tensor ? '' : 'muted' }, shape),
      element('span', { role: 'gridcell', class: 'number' }, formatCount(node.parameters)),
      element('span', { role: 'gridcell' }, tensor?.dtype ?? ''),
      element('span', { role: 'gridcell', class: 'number' }, formatBytes(node.bytes, 3)),
    ];
    const row = element(
      'div',
      {
        role: 'row',
        id: `row-${index}`,
        'aria-level': level,
        'aria-selected': node.path === selected ? 'true' : 'false',
        'aria-expanded': node.children.length > 0 ? String(open) : undefined,
      },
      name,
      ...cells,
    );
    row.classList.toggle('tensor', tensor !== undefined);
    return row;
  }

  private indexOfActive(): number {
    return this.visible.findIndex(({ node }) => node.path === this.active);
  }

  private mark(): void {
    const index = this.indexOfActive();
    this.node.querySelector('.active')?.classList.remove('active');
    const row = document.getElementById(`row-${index}`);
    row?.classList.add('active');
    if (row) this.node.setAttribute('aria-activedescendant', row.id);
    else this.node.removeAttribute('aria-activedescendant');
  }

  private clicked(event: MouseEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>('[id^="row-"]');
    const item = row && this.visible[Number(row.id.slice(4))];
    if (!item) return;
    this.active = item.node.path;
    if (item.node.tensor) this.actions.choose(item.node);
    if (item.node.children.length > 0) this.actions.toggle(item.node, !item.open);
    this.mark();
  }

  private key(event: KeyboardEvent): void {
    const index = this.indexOfActive();
    const item = this.visible[index];
    if (!item) return;
    const { node, open, level } = item;
    const parent = this.visible.slice(0, index).reduce((last, one, at) => (one.level < level ? at : last), -1);
    switch (event.key) {
      case 'ArrowDown':
        this.move(index + 1);
        break;
      case 'ArrowUp':
        this.move(index - 1);
        break;
      case 'Home':
        this.move(0);
        break;
      case 'End':
        this.move(this.visible.length - 1);
        break;
      case 'ArrowRight':
        if (node.children.length > 0 && !open) this.actions.toggle(node, true);
        else if (open) this.move(index + 1);
        break;
      case 'ArrowLeft':
        if (open) this.actions.toggle(node, false);
        else if (parent >= 0) this.move(parent);
        break;
      case 'Enter':
      case ' ':
        if (node.tensor) this.actions.choose(node);
        if (node.children.length > 0) this.actions.toggle(node, !open);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  private move(index: number): void {
    const item = this.visible[Math.max(0, Math.min(this.visible.length - 1, index))];
    if (!item) return;
    this.active = item.node.path;
    this.mark();
    this.node.querySelector('.active')?.scrollIntoView({ block: 'nearest' });
    if (item.node.tensor) this.actions.choose(item.node);
  }
}
