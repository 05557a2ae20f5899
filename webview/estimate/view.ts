import type { EstimateCard, EstimateContract, EstimateSheet, EstimateState } from '../../src/protocol/estimate';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import { errorText, type Host } from '../ui/host';
import { formatTime } from '../../src/text';

/** Checking many volumes on a slow disk takes its time; it can be cancelled. */
const PATIENCE_MS = 3_600_000;

/** A card with its figure; the bar says how much of what is there is needed. */
function cardElement({ title, value, details, share, problem }: EstimateCard): HTMLElement {
  const card = element('section', { class: `card${problem ? ' problem' : ''}` });
  card.append(element('h2', {}, title), element('p', { class: 'value' }, value));
  if (share !== undefined) {
    const percent = Math.round(100 * share);
    const text = `${percent < 1 ? 'less than 1' : percent}% of what is free`;
    const bar = element('progress', {
      max: 1,
      value: Math.min(1, share),
      'aria-label': `${title}: ${text}`,
      title: text,
    });
    card.append(bar);
  }
  if (problem) card.append(element('p', { class: 'advice' }, problem));
  card.append(element('ul', {}, ...details.map((text) => element('li', {}, text))));
  return card;
}

/** The page: what a run takes, how it is being found out, or why it cannot be. */
export class EstimateView {
  private state: EstimateState;
  private busy = false;
  private readonly heading = element('h1', {});
  private readonly subtitle = element('p', { class: 'muted' });
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly cards = element('div', { class: 'cards' });
  private readonly warnings = element('section', { class: 'warnings', 'aria-label': 'Warnings' });
  private readonly startButton = button('Pre-train', () => void this.host.call('start', null), {
    id: 'start',
    appearance: 'primary',
  });
  private readonly againButton = button('Estimate Again', () => void this.estimate(), { id: 'again' });
  private readonly cancelButton = button('Cancel', () => void this.host.call('cancel', null), { id: 'cancel' });

  constructor(
    app: HTMLElement,
    private readonly host: Host<EstimateContract, EstimateState>,
  ) {
    this.state = { ...host.savedState, file: decodeURI(app.dataset.file ?? '') };
    const actions = element('div', { class: 'toolbar' }, this.startButton, this.againButton, this.cancelButton);
    const header = element('header', {}, this.heading, this.subtitle, actions, this.message);
    app.append(header, this.cards, this.warnings);
  }

  /** Shows the estimate made before, or makes one. */
  open(): void {
    const { sheet, made } = this.state;
    this.draw();
    if (sheet) this.say(`Estimated ${made ?? 'earlier'}.`);
    else void this.estimate();
  }

  /** What the estimate under way is doing. */
  progress(text: string): void {
    if (this.busy) this.say(text);
  }

  configChanged(again: boolean): void {
    if (again) void this.estimate();
    else if (!this.busy) this.say('The config has changed since this estimate.');
  }

  private async estimate(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.draw();
    this.say('Checking config and data…');
    try {
      const answer = await this.host.call('estimate', null, PATIENCE_MS);
      this.busy = false;
      if ('cancelled' in answer) this.say('Cancelled.');
      else if ('problem' in answer) this.say(answer.problem, true);
      else this.show(answer);
    } catch (error) {
      this.busy = false;
      this.say(errorText(error), true);
    }
    this.draw();
  }

  private show(sheet: EstimateSheet): void {
    const made = formatTime(new Date())!;
    this.state = { ...this.state, sheet, made };
    this.say('');
  }

  private say(text: string, isError = false): void {
    this.message.textContent = text;
    this.message.classList.toggle('error', isError);
  }

  private draw(): void {
    const { sheet, file } = this.state;
    this.host.saveState(this.state);
    const name = file.split(/[/\\]/).at(-1)!;
    this.heading.textContent = sheet?.title ?? name;
    this.subtitle.textContent = sheet?.subtitle ?? 'What a run of this config needs';
    this.cards.replaceChildren(...(sheet?.cards ?? []).map(cardElement));
    this.cards.classList.toggle('stale', this.busy);
    this.cards.dataset.ready = String(sheet !== undefined && !this.busy);
    const lines = (sheet?.warnings ?? []).map((text) => element('li', {}, text));
    this.warnings.replaceChildren(
      ...(lines.length > 0 ? [element('h2', {}, 'Warnings'), element('ul', {}, ...lines)] : []),
    );
    this.startButton.textContent = sheet?.start ?? '';
    this.startButton.hidden = !sheet || this.busy;
    this.againButton.hidden = this.busy;
    this.cancelButton.hidden = !this.busy;
  }
}
