import type { CropAnswer } from '../../src/protocol/answers';
import type {
  CheckpointItem,
  CropPrediction,
  CropRequest,
  CropsContract,
  CropsState,
  ShownTask,
} from '../../src/protocol/crops';
import type { LocateReport } from '../../src/protocol/locate';
import { button, checkbox } from '../ui/controls';
import { element } from '../ui/dom';
import { errorText, type Host } from '../ui/host';
import { errorTop } from './errorSlices';
import { scaleBarCanvas, similarityCanvas } from './pictures';

/** How many random crops the map is made of. */
const POSITIONS = 96;
/** A large network on a CPU takes minutes, and can be cancelled. */
const TIMEOUT_MS = 24 * 3600_000;
/** A moved crop is asked about when it rests for so long. */
const QUIET_MS = 120;
const [NONE, BROWSE] = ['', 'browse'];

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const mm = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} mm`;

export interface NetworkOptions {
  readonly host: Host<CropsContract, CropsState>;
  readonly state: () => CropsState;
  readonly set: (change: Partial<CropsState>) => void;
  /** A prediction or a map came or went. */
  readonly changed: () => void;
}

function nameOf({ run, step, loss }: CheckpointItem): string {
  return `${run}, step ${step}${loss === undefined ? '' : `, loss ${loss.toFixed(3)}`}`;
}

/**
 * Which checkpoint is asked, and what it answers. Where crops can be located: similarities of the crop, similarity of the base crops, the
 * error's map. Else what the pretext task asks of the crop.
 */
export class NetworkSection {
  prediction?: CropPrediction;
  answer?: CropAnswer;
  /** The map of the checkpoint on this case, as long as preprocessing and grid are those it was made with. */
  report?: LocateReport;
  readonly node: HTMLElement;
  private readonly select = element('select', { id: 'checkpoint', 'aria-label': 'Checkpoint' });
  private readonly note = element('p', { class: 'note', role: 'status', id: 'network-note' });
  private readonly bar = element('progress', { max: 1, value: 0, 'aria-label': 'Asking the network' });
  private readonly busy = element('div', { class: 'busy', hidden: true });
  private readonly summary = element('div', { id: 'network-summary' });
  private readonly matrix = element('div', { id: 'matrix' });
  private readonly map: HTMLElement;
  private readonly again: HTMLElement;
  private listed: readonly CheckpointItem[] = [];
  private timer?: ReturnType<typeof setTimeout>;
  private question = 0;
  private asked?: CropRequest;
  private task?: ShownTask;

  constructor(private readonly options: NetworkOptions) {
    this.map = checkbox(
      'Error map',
      options.state().map ?? true,
      (on) => {
        options.set({ map: on });
        options.changed();
      },
      'error-map',
    );
    this.again = button('Map again', () => void this.locate(), {
      id: 'map-again',
      title: 'Locate random crops again',
    });
    const cancel = button('Cancel', () => void options.host.call('cancel', null), { id: 'cancel-map' });
    this.busy.append(this.bar, cancel);
    this.node = element(
      'section',
      { id: 'network', 'aria-label': 'The network' },
      element('h2', {}, 'Network'),
      this.select,
      this.note,
      this.busy,
      this.summary,
      this.again,
      this.map,
      this.matrix,
    );
    this.select.addEventListener('change', () => void this.choose(this.select.value));
    options.host.on('progress', ({ done, total }) => (this.bar.value = done / total));
    options.host.on('checkpoints', () => void this.list());
    void this.list();
    this.show();
  }

  /** The error map on the slices, when it is wanted. */
  get shownReport(): LocateReport | undefined {
    return (this.options.state().map ?? true) ? this.report : undefined;
  }

  /** The config has this pretext task. */
  turnTo(task: ShownTask): void {
    const other = this.task?.name !== task.name;
    this.task = task;
    if (!other) return;
    this.prediction = this.answer = this.report = undefined;
    void this.list();
  }

  /** The crop that is looked at changed. */
  ask(request: CropRequest): void {
    this.asked = request;
    this.prediction = this.answer = undefined;
    const { checkpoint } = this.options.state();
    clearTimeout(this.timer);
    if (checkpoint) this.timer = setTimeout(() => void this.predict(checkpoint, request), QUIET_MS);
  }

  /** Preprocessing, grid or case changed: what was answered is not of this any more. */
  outdate(): void {
    this.prediction = this.answer = undefined;
    if (!this.task?.locates) return this.show();
    const first = this.report === undefined;
    this.report = undefined;
    this.show();
    if (first) void this.locate();
    else if (this.options.state().checkpoint) this.say('The grid or the data changed since the map was made.');
  }

  private async list(): Promise<void> {
    try {
      this.listed = await this.options.host.call('checkpoints', null);
    } catch (error) {
      this.fail(error);
    }
    const { checkpoint } = this.options.state();
    // Those of other tasks cannot answer; what a header does not tell, the question will.
    const fitting = this.listed.filter(({ task }) => task === undefined || task === this.task?.name);
    const known = checkpoint && !fitting.some(({ file }) => file === checkpoint.file) ? [checkpoint] : [];
    const option = (value: string, text: string): HTMLElement => element('option', { value }, text);
    this.select.replaceChildren(
      option(NONE, fitting.length > 0 ? 'Choose a checkpoint…' : 'No checkpoint of this task here yet'),
      ...[...known, ...fitting].map((item) => option(item.file, nameOf(item))),
      option(BROWSE, 'Browse…'),
    );
    this.select.value = checkpoint?.file ?? NONE;
    this.select.title = checkpoint?.file ?? '';
  }

  private async choose(value: string): Promise<void> {
    try {
      const chosen =
        value === BROWSE
          ? await this.options.host.call('browse', null, TIMEOUT_MS)
          : (this.listed.find(({ file }) => file === value) ?? null);
      if (value === BROWSE && !chosen) return;
      this.options.set({ checkpoint: chosen ?? undefined });
      this.prediction = this.answer = this.report = undefined;
      this.show();
      await this.options.host.call('cancel', null);
      if (this.asked) this.ask(this.asked);
      await this.locate();
    } catch (error) {
      this.fail(error);
    } finally {
      await this.list();
    }
  }

  private async predict({ file }: CheckpointItem, request: CropRequest): Promise<void> {
    const { host, state } = this.options;
    const call = { ...request, checkpoint: file };
    const locates = this.task?.locates;
    if (!locates) this.wait('Asking the network…');
    try {
      const given = await (locates ? host.call('predict', call, TIMEOUT_MS) : host.call('answer', call, TIMEOUT_MS));
      // Another question overtook this one.
      if (state().checkpoint?.file !== file || this.asked !== request) return;
      if (given && 'parts' in given) this.answer = given;
      else this.prediction = given ?? undefined;
      if (!locates) this.rest(given ? '' : 'Cancelled: no answer.');
      this.show();
    } catch (error) {
      if (this.asked === request) this.fail(error);
    }
  }

  /** Shows that the network is busy, with a bar that does not tell how long. */
  private wait(text: string): void {
    this.bar.removeAttribute('value');
    this.busy.hidden = false;
    this.say(text);
  }

  private rest(text: string): void {
    this.busy.hidden = true;
    this.say(text);
  }

  private async locate(): Promise<void> {
    if (!this.task?.locates) return;
    const { checkpoint } = this.options.state();
    const question = (this.question += 1);
    this.report = undefined;
    this.bar.value = 0;
    this.busy.hidden = !checkpoint;
    this.say(checkpoint ? `Asking about ${POSITIONS} random crops…` : '');
    this.show();
    if (!checkpoint) return;
    try {
      const call = { checkpoint: checkpoint.file, positions: POSITIONS };
      const report = await this.options.host.call('locate', call, TIMEOUT_MS);
      if (question !== this.question) return;
      this.report = report ?? undefined;
      this.say(report ? '' : 'Cancelled: no error map.');
    } catch (error) {
      if (question === this.question) this.fail(error);
    }
    if (question !== this.question) return;
    this.busy.hidden = true;
    this.show();
  }

  private show(): void {
    const { report, prediction, answer, task } = this;
    const { checkpoint } = this.options.state();
    this.map.hidden = !report;
    this.again.hidden = !task?.locates || !checkpoint || report !== undefined || !this.busy.hidden;
    this.node.dataset.answered = String(answer !== undefined);
    this.node.dataset.report = String(report !== undefined);
    this.node.dataset.predicted = String(prediction !== undefined);
    this.summary.replaceChildren(...(report ? summaryOf(report) : []));
    const similarity = prediction?.baseSimilarity ?? report?.baseSimilarity;
    this.matrix.replaceChildren(
      ...(similarity && checkpoint
        ? [element('h2', {}, 'Similarity of base crops'), ...similarityCanvas(similarity)]
        : []),
    );
    if (!checkpoint)
      this.rest(
        `Choose a checkpoint of a pre-training to see ${task?.locates ? 'where its network places the crops' : 'what its network answers'}.`,
      );
    this.options.changed();
  }

  private fail(error: unknown): void {
    this.busy.hidden = true;
    this.say(errorText(error), true);
  }

  private say(text: string, wrong = false): void {
    this.note.textContent = text;
    this.note.classList.toggle('wrong', wrong);
  }
}

function summaryOf(report: LocateReport): HTMLElement[] {
  const { accuracy, positions, meanDistance, guessDistance, unanswered } = report.summary;
  const lines = [
    `${percent(accuracy)} of ${positions} random crops are placed in the right base crop.`,
    meanDistance === null
      ? 'It finds no crop similar to any base crop.'
      : `On average ${mm(meanDistance)} off; always guessing the middle: ${mm(guessDistance)}.`,
    ...(unanswered > 0 && meanDistance !== null ? [`${unanswered} crops are not similar to any base crop.`] : []),
  ];
  return [
    element('p', {}, lines.join(' ')),
    scaleBarCanvas(['0', mm(errorTop(report))], 'Colours of the map: distance between crop and answer'),
  ];
}
