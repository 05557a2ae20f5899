import { FEWEST_COMPARED, MOST_COMPARED, type CompareCard } from '../../src/protocol/compare';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { badge, letterOf } from './letters';
import { formatCount } from '../../src/text';

export interface CardEvents {
  /** Another order, or fewer checkpoints. */
  arrange(files: readonly string[]): void;
  choose(): void;
  show(file: string): void;
}

const KINDS: Readonly<Record<string, string>> = { pretrain: 'pre-training', finetune: 'fine-tuning' };

/** A checkpoint's run and step, as sentences call it. */
export const nameOf = ({ name, step }: CompareCard): string =>
  step === undefined ? name : `${name}, step ${formatCount(step)}`;

function small(label: string, title: string, onClick: () => void): HTMLButtonElement {
  const node = element('button', { type: 'button', class: 'small', title, 'aria-label': title }, label);
  node.addEventListener('click', onClick);
  return node;
}

function evaluationText({ evaluation }: CompareCard): string | undefined {
  if (!evaluation) return undefined;
  const { phase, done, total, reason } = evaluation;
  if (phase === 'failed') return `Evaluation failed${reason ? `: ${reason}` : ''}`;
  if (phase === 'interrupted') return 'Evaluation was stopped';
  if (phase === 'queued') return 'Evaluation waits for its device…';
  return total > 0 ? `Evaluating: ${done} of ${total} cases…` : 'Starting the evaluation…';
}

function cardNode(cards: readonly CompareCard[], at: number, theme: Theme, events: CardEvents): HTMLElement {
  const card = cards[at]!;
  const { file, name, step, kind, detail, problem } = card;
  const files = cards.map((one) => one.file);
  const others = files.filter((one) => one !== file);
  const open = element('button', { type: 'button', class: 'link name', title: `${file}\nOpen it` }, name);
  open.addEventListener('click', () => events.show(file));
  const facts = [step === undefined ? '' : `step ${formatCount(step)}`, KINDS[kind ?? ''] ?? kind ?? '', detail];
  const letter = letterOf(at);
  const actions =
    at === 0
      ? [element('span', { class: 'muted' }, 'reference')]
      : [small('Make reference', `Compare the others with ${letter}`, () => events.arrange([file, ...others]))];
  const remove = small('×', `Remove ${letter} from the comparison`, () => events.arrange(others));
  remove.disabled = cards.length <= FEWEST_COMPARED;
  if (remove.disabled) remove.title = `At least ${FEWEST_COMPARED} checkpoints are compared`;
  const evaluation = evaluationText(card);
  return element(
    'li',
    { class: 'card', 'data-file': file, 'aria-label': `${letter}: ${nameOf(card)}` },
    element('div', { class: 'line' }, badge(at, theme.kind), open, element('span', { class: 'spacer' }), remove),
    element('div', { class: 'muted' }, facts.filter(Boolean).join(' · ')),
    problem === undefined ? undefined : element('div', { class: 'problem' }, problem),
    evaluation === undefined ? undefined : element('div', { role: 'status' }, evaluation),
    element('div', { class: 'line' }, ...actions),
  );
}

/** The compared checkpoints with their letters; the first is the reference. */
export class Cards {
  readonly node = element('ul', { class: 'cards', 'aria-label': 'Compared checkpoints' });
  private shape = '';

  constructor(private readonly events: CardEvents) {}

  update(cards: readonly CompareCard[], theme: Theme): void {
    const shape = JSON.stringify([cards, theme.kind]);
    if (shape === this.shape) return;
    this.shape = shape;
    const full = cards.length >= MOST_COMPARED;
    const change = button(full ? 'Change…' : 'Add…', () => this.events.choose(), {
      id: 'choose',
      title: `Choose which ${FEWEST_COMPARED} to ${MOST_COMPARED} checkpoints are compared`,
    });
    this.node.replaceChildren(
      ...cards.map((_, at) => cardNode(cards, at, theme, this.events)),
      element('li', { class: 'add' }, change),
    );
  }
}
