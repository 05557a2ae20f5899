import type { CheckpointContract, CheckpointDescription, CheckpointViewState } from '../../src/protocol/checkpoint';
import { metricLabel } from '../ui/format';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import type { Host } from '../ui/host';
import { factList, tensorDetails } from './details';
import { moduleTree, visibleNodes, type ModuleNode } from './modules';
import { ModuleTree } from './tree';
import { counted, formatBytes, formatCount, formatValue } from '../../src/text';

const READING_TIMEOUT_MS = 300_000;
const DIALOG_TIMEOUT_MS = 3_600_000;

type Action = CheckpointContract['calls']['act']['params']['action'];

/** The page: what the file is, its modules, the chosen tensor, and what can be done with the file. */
export class CheckpointView {
  private state: CheckpointViewState;
  private description: CheckpointDescription | undefined;
  private root: ModuleNode | undefined;
  private readonly tree: ModuleTree;
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly title = element('h1', {});
  private readonly summary = element('p', { class: 'muted', id: 'summary' });
  private readonly actions = element('span', { class: 'group' });
  private readonly chosen = element('section', { 'aria-live': 'polite', id: 'tensor' });
  private readonly about = element('div', {});
  private readonly search = element('input', {
    type: 'search',
    id: 'search',
    placeholder: 'Find a module or tensor',
    'aria-label': 'Find a module or tensor',
    spellcheck: 'false',
  });

  constructor(
    private readonly app: HTMLElement,
    private readonly host: Host<CheckpointContract, CheckpointViewState>,
  ) {
    this.state = { open: [], search: '', ...host.savedState };
    this.tree = new ModuleTree({
      toggle: (node, open) => this.toggle(node, open),
      choose: (node) => void this.choose(node.path),
    });
    this.build();
  }

  /** Asks what is in the file, at first and whenever it was replaced. */
  async open(): Promise<void> {
    this.say('Reading the file…');
    try {
      this.description = await this.host.call('describe', null, READING_TIMEOUT_MS);
      this.root = moduleTree(this.description.tensors);
      const single = this.root.children.length === 1 ? this.root.children[0] : undefined;
      if (!this.host.savedState && single) this.state = { ...this.state, open: [single.path] };
      this.say(undefined);
      this.describe(this.description);
      this.draw();
      if (this.state.selected !== undefined) await this.choose(this.state.selected);
    } catch (error) {
      this.app.classList.remove('ready');
      this.say(error);
    }
  }

  private build(): void {
    this.search.value = this.state.search;
    this.search.addEventListener('input', () => {
      this.set({ search: this.search.value });
      this.draw();
    });
    const heading = element(
      'div',
      { class: 'toolbar' },
      this.title,
      element('span', { class: 'spacer' }),
      this.actions,
    );
    const modules = element('section', { class: 'modules', 'aria-label': 'Contents' }, this.search, this.tree.node);
    const side = element('aside', {}, this.chosen, this.about);
    this.app.append(
      element('header', {}, heading, this.summary, this.message),
      element('div', { class: 'main' }, modules, side),
    );
  }

  private describe(description: CheckpointDescription): void {
    const { file, bytes, format, usable, tensors, kind, warnings } = description;
    this.app.classList.add('ready');
    this.title.textContent = file.split(/[\\/]/).at(-1) ?? file;
    const parameters = this.root!.parameters;
    this.summary.textContent = `${format} · ${formatBytes(bytes, 3)} · ${counted(tensors.length, 'tensor')} · ${formatCount(parameters)} numbers`;
    const act = (label: string, action: Action, title: string): HTMLElement =>
      button(label, () => void this.act(action), { id: action, title });
    this.actions.replaceChildren(
      ...(usable
        ? [
            act('Compare…', 'compare', 'Compare with other checkpoints'),
            act('Export…', 'export', 'Save the weights for PyTorch and MONAI, with a model card'),
          ]
        : [act('Import…', 'import', 'Convert to safetensors, so that training can start from it')]),
      ...(usable && kind !== 'finetune' ? [act('Fine-tune from this', 'finetune', 'Start a fine-tuning from it')] : []),
    );
    this.about.replaceChildren(...this.sections(description));
    const notes = warnings.slice(0, 8);
    if (warnings.length > notes.length) notes.push(`and ${warnings.length - notes.length} more of this kind`);
    if (notes.length > 0) this.say(notes.join('\n'));
    this.chosen.replaceChildren(
      element('h2', {}, 'Tensor'),
      element('p', { class: 'muted' }, 'Choose a tensor to see its numbers and their histogram.'),
    );
  }

  private sections({ facts, scores, metadata }: CheckpointDescription): HTMLElement[] {
    const scoreRows = Object.entries(scores).map(([name, value]): [string, string] => [
      metricLabel(name),
      formatValue(value, 5),
    ]);
    const section = (title: string, content: Node): HTMLElement =>
      element('section', {}, element('h2', {}, title), content);
    const texts = metadata.map(({ name, text }) =>
      text.includes('\n')
        ? element('details', {}, element('summary', {}, name), element('pre', {}, text))
        : factList([[name, text]]),
    );
    return [
      ...(facts.length > 0 ? [section('Origin', factList(facts.map(({ name, text }) => [name, text])))] : []),
      ...(scoreRows.length > 0 ? [section('Scores at its step', factList(scoreRows))] : []),
      ...(texts.length > 0 ? [section('Metadata', element('div', {}, ...texts))] : []),
    ];
  }

  private set(change: Partial<CheckpointViewState>): void {
    this.state = { ...this.state, ...change };
    this.host.saveState(this.state);
  }

  private toggle(node: ModuleNode, open: boolean): void {
    const others = this.state.open.filter((path) => path !== node.path);
    this.set({ open: open ? [...others, node.path] : others });
    this.draw();
  }

  private draw(): void {
    if (!this.root) return;
    const { open, search, selected } = this.state;
    this.tree.draw(visibleNodes(this.root, new Set(open), search), selected);
  }

  private async choose(path: string): Promise<void> {
    const tensor = this.description?.tensors.find(({ name }) => name === path);
    if (!tensor) return;
    this.set({ selected: path });
    this.draw();
    const heading = element('h2', { title: path }, path);
    try {
      const statistics = await this.host.call('statistics', { tensor: path }, READING_TIMEOUT_MS);
      // Another one may have been chosen meanwhile.
      if (this.state.selected === path) this.chosen.replaceChildren(heading, tensorDetails(tensor, statistics));
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.chosen.replaceChildren(heading, element('p', { class: 'message error' }, text));
    }
  }

  private async act(action: Action): Promise<void> {
    await this.host.call('act', { action }, DIALOG_TIMEOUT_MS).catch((error: unknown) => this.say(error));
  }

  private say(what: unknown): void {
    this.message.classList.toggle('error', what instanceof Error);
    this.message.textContent = what instanceof Error ? what.message : typeof what === 'string' ? what : '';
  }
}
