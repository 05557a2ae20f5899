import {
  provideVSCodeDesignSystem,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
} from '@vscode/webview-ui-toolkit';
import { element } from './dom';

/**
 * The controls that panels share. They are the only place that knows `@vscode/webview-ui-toolkit`, which is archived: to
 * replace it, replace this file.
 */
provideVSCodeDesignSystem().register(
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodePanels(),
  vsCodePanelTab(),
  vsCodePanelView(),
);

/** Elements of the toolkit, by the few properties that are used here. */
type Toggle = HTMLElement & { checked: boolean };
type Choice = HTMLElement & { value: string };

function custom<T extends HTMLElement>(tag: string, attributes: Record<string, string>): T {
  const node = document.createElement(tag) as T;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

export function button(
  label: string,
  onClick: () => void,
  options: { id?: string; appearance?: 'primary' | 'secondary'; title?: string } = {},
): HTMLElement {
  const node = custom<HTMLElement>('vscode-button', { appearance: options.appearance ?? 'secondary' });
  if (options.id) node.id = options.id;
  if (options.title) node.title = options.title;
  node.append(label);
  node.addEventListener('click', onClick);
  return node;
}

export function checkbox(
  label: string | Node,
  checked: boolean,
  onChange: (checked: boolean) => void,
  id?: string,
): HTMLElement {
  const node = custom<Toggle>('vscode-checkbox', {});
  if (id) node.id = id;
  node.checked = checked;
  node.append(label);
  node.addEventListener('change', () => {
    if (!beingSet.has(node)) onChange(node.checked);
  });
  return node;
}

/** Check boxes that a program ticks at this moment: the toolkit's tell a change then too. */
const beingSet = new WeakSet<HTMLElement>();

/** Ticks or clears a check box to show a state; its `onChange` is not called. */
export function setChecked(node: HTMLElement, checked: boolean): void {
  beingSet.add(node);
  (node as Toggle).checked = checked;
  beingSet.delete(node);
}

export function dropdown<V extends string>(
  label: string,
  options: readonly { readonly value: V; readonly label: string }[],
  value: V,
  onChange: (value: V) => void,
  id: string,
): HTMLElement {
  const node = custom<Choice>('vscode-dropdown', { id, 'aria-label': label });
  for (const option of options) {
    const item = custom<HTMLElement>('vscode-option', { value: option.value });
    if (option.value === value) item.setAttribute('selected', '');
    item.append(option.label);
    node.append(item);
  }
  node.addEventListener('change', () => onChange(node.value as V));
  return element('label', { class: 'field' }, element('span', {}, label), node);
}

export interface Tab {
  readonly id: string;
  readonly label: string;
  readonly content: HTMLElement;
}

/** Tabs with their contents; `onChange` gets the id of the tab that was chosen. */
export function tabs(items: readonly Tab[], active: string, onChange: (id: string) => void): HTMLElement {
  const node = custom<HTMLElement & { activeid: string }>('vscode-panels', { activeid: `tab-${active}` });
  for (const item of items) {
    const tab = custom<HTMLElement>('vscode-panel-tab', { id: `tab-${item.id}` });
    tab.append(item.label);
    node.append(tab);
  }
  for (const item of items) {
    const view = custom<HTMLElement>('vscode-panel-view', { id: `view-${item.id}` });
    view.append(item.content);
    node.append(view);
  }
  node.addEventListener('change', () => onChange(node.activeid.replace(/^tab-/, '')));
  return node;
}

/** A slider with its label and value, a plain input: the toolkit has none. */
export function slider(
  label: string,
  options: { id: string; min: number; max: number; step: number; value: number; format(value: number): string },
  onChange: (value: number) => void,
): HTMLElement {
  const { id, min, max, step, value, format } = options;
  const input = element('input', { type: 'range', id, min, max, step, value });
  const shown = element('output', { for: id }, format(value));
  input.addEventListener('input', () => {
    shown.textContent = format(Number(input.value));
    onChange(Number(input.value));
  });
  return element('label', { class: 'field' }, element('span', {}, label), input, shown);
}

/** One of a few values, all of them visible: plain radio buttons in a row. */
export function segmented<V extends string>(
  label: string,
  options: readonly { readonly value: V; readonly label: string; readonly title?: string }[],
  value: V,
  onChange: (value: V) => void,
  id: string,
): HTMLElement {
  const items = options.map((option) => {
    const input = element('input', { type: 'radio', name: id, value: option.value });
    input.checked = option.value === value;
    input.addEventListener('change', () => onChange(option.value));
    return element('label', { title: option.title }, input, element('span', {}, option.label));
  });
  return element('div', { class: 'segmented', role: 'radiogroup', id, 'aria-label': label }, ...items);
}
