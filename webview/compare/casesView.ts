import type { ComparedCase, ComparedCases, ComparedCheckpoint, Prediction } from '../../src/protocol/comparison';
import type { CaseMode, CompareState } from '../../src/protocol/compare';
import { button, segmented } from '../ui/controls';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { ERROR_COLOURS } from '../volume/raster';
import { CaseList } from './caseList';
import { caseVolumes, segmenting, spreadOf, worstPlace, type Segmented } from './caseModel';
import { Drawn } from './drawn';
import { badge, letterOf, reasonText } from './letters';
import { Task, type CompareHost } from './task';
import { ViewerPart } from './viewerPart';

export interface CasesContent {
  readonly files: readonly string[];
  readonly names: readonly string[];
  readonly checkpoints: readonly ComparedCheckpoint[];
  readonly cases: ComparedCases;
  readonly state: CompareState;
  readonly theme: Theme;
}

const MODES: readonly { readonly value: CaseMode; readonly label: string; readonly title: string }[] = [
  { value: 'predictions', label: 'Predictions', title: 'Each prediction, with the ground truth as an outline' },
  { value: 'truth', label: 'Against ground truth', title: 'Where each prediction differs from the ground truth' },
  { value: 'reference', label: 'Against A', title: 'The prediction of A, and where the others differ from it' },
  { value: 'blink', label: 'Blink', title: 'The predictions alternately in one picture (B stops, N steps)' },
];

/** A checkpoint's segmentation of the chosen case: there, being computed, or why not. */
class PredictionState {
  readonly node = element('div', { class: 'prediction' });
  private readonly text = element('span', { class: 'muted' });
  private readonly task: Task<'predict'>;
  private readonly again = button('Compute', () => this.start?.(), { title: 'Segment the case with this checkpoint' });
  private start?: () => void;
  private key = '';

  constructor(
    host: CompareHost,
    private readonly known: Map<string, Prediction>,
    private readonly arrived: () => void,
  ) {
    this.task = new Task(host, 'predict');
  }

  /** Asks for the segmentation unless it is there or asked for already. */
  update(at: number, file: string, item: ComparedCase, theme: Theme): void {
    const key = `${file}\n${item.id}`;
    const there = this.known.get(key) ?? item.checkpoints[at]?.prediction;
    const score = item.checkpoints[at]?.dice;
    const trained = item.checkpoints[at]?.split === 'train' ? ', trained on this case' : '';
    const from = there && (there.from === 'evaluation' ? 'from its evaluation' : 'computed for this comparison');
    this.text.textContent = `${score === undefined ? '' : `Dice ${score.toFixed(3)}, `}${from ?? ''}${trained}`;
    this.node.replaceChildren(badge(at, theme.kind), this.text, this.task.node, this.again);
    this.node.dataset.ready = String(there !== undefined);
    if (key === this.key) return;
    if (this.key !== '') this.task.cancel();
    this.key = key;
    this.start = () => void this.ask(key, at, file, item);
    this.again.hidden = true;
    if (!there) this.start();
  }

  dispose(): void {
    this.task.cancel();
  }

  private async ask(key: string, at: number, file: string, item: ComparedCase): Promise<void> {
    this.again.hidden = true;
    const prediction = await this.task.run({ file, image: item.image }, `Segmenting with ${letterOf(at)}`);
    if (!prediction) {
      // Cancelled or failed; or another case is looked at by now.
      this.again.hidden = key !== this.key;
      return;
    }
    this.known.set(key, prediction);
    this.arrived();
  }
}

/** What the colours of differences mean. */
function legend(mode: CaseMode, reference: string): HTMLElement[] {
  if (mode !== 'truth' && mode !== 'reference') return [];
  const against = mode === 'truth';
  const meanings: readonly (readonly [keyof typeof ERROR_COLOURS, string])[] = [
    ['missed', against ? 'missed' : `only in ${reference}`],
    ['extra', against ? 'extra' : `not in ${reference}`],
    ['confused', 'another label'],
  ];
  const rows = meanings.map(([kind, meaning]) => {
    const swatch = element('span', { class: 'error-swatch', 'aria-hidden': 'true' });
    swatch.style.background = ERROR_COLOURS[kind];
    return element('span', { class: 'field' }, swatch, meaning);
  });
  return [element('span', { class: 'group error-legend', role: 'group', 'aria-label': 'Colours' }, ...rows)];
}

/** A case in linked views, one for each checkpoint, with its segmentation, its errors or in turns. */
export class CasesView {
  readonly node = element('div', { class: 'cases-view' });
  private readonly list: CaseList;
  private readonly listed = new Drawn();
  private readonly notes = element('div', { class: 'notes' });
  private readonly head = element('div', { class: 'case-head' });
  private readonly modes = element('div', { class: 'toolbar' });
  private readonly states = element('div', { class: 'predictions' });
  private readonly hint = element('p', { class: 'muted empty' }, 'Choose a case to see it in linked views.');
  private readonly viewer: ViewerPart;
  private readonly predictions = new Map<string, Prediction>();
  private readonly rows = new Map<number, PredictionState>();
  private content: CasesContent | undefined;
  private shape = '';

  constructor(
    private readonly host: CompareHost,
    private readonly set: (change: Partial<CompareState>) => void,
    saved: CompareState,
    saveViewer: ConstructorParameters<typeof ViewerPart>[3],
  ) {
    this.list = new CaseList((caseId) => set({ caseId }));
    this.viewer = new ViewerPart(host, 'cases', saved.viewers.cases, saveViewer);
    this.head.append(this.modes, this.states);
    const main = element('div', { class: 'case-main' }, this.notes, this.head, this.hint, this.viewer.node);
    this.node.append(this.list.node, main);
  }

  update(content: CasesContent): void {
    this.content = content;
    const { cases, state } = content;
    // Cases in which checkpoints differ most come first.
    const order = (): ComparedCase[] => [...cases.cases].sort((a, b) => spreadOf(b) - spreadOf(a));
    if (this.listed.differs(cases, state.caseId)) this.list.update(order(), state.caseId);
    const omitted = cases.omitted > 0 ? [`${cases.omitted} further cases are not listed.`] : [];
    const texts = [...cases.problems, ...omitted];
    this.notes.replaceChildren(...texts.map((text) => element('p', { class: 'message' }, text)));
    const item = cases.cases.find(({ id }) => id === state.caseId);
    this.hint.hidden = item !== undefined;
    this.hint.textContent =
      cases.cases.length > 0
        ? 'Choose a case to see it in linked views.'
        : 'The configs of these checkpoints name no case.';
    for (const part of [this.viewer.node, this.head]) part.hidden = item === undefined;
    if (item) this.show(item, content);
  }

  private show(item: ComparedCase, { checkpoints, files, names, state, theme }: CasesContent): void {
    const all = segmenting(checkpoints, names);
    for (const { at } of all) {
      if (!this.rows.has(at))
        this.rows.set(
          at,
          new PredictionState(this.host, this.predictions, () => this.content && this.update(this.content)),
        );
      this.rows.get(at)!.update(at, files[at]!, item, theme);
    }
    for (const [at, row] of this.rows) {
      if (all.some((one) => one.at === at)) continue;
      row.dispose();
      this.rows.delete(at);
    }
    const unable = checkpoints.flatMap(({ cannot, file }, at) =>
      cannot.predict === undefined
        ? []
        : [element('div', { class: 'prediction muted' }, reasonText(at, file, cannot.predict))],
    );
    this.states.replaceChildren(...all.map(({ at }) => this.rows.get(at)!.node), ...unable);
    const mode = this.drawModes(item, all, state);
    if (all.length === 0) return;
    const found = all.map((one): Segmented => {
      const known = this.predictions.get(`${files[one.at]!}\n${item.id}`) ?? item.checkpoints[one.at]?.prediction;
      return { ...one, ...(known && { prediction: known.file }) };
    });
    const place = worstPlace(item);
    const look = { blink: mode === 'blink', ...(place && { crosshair: place }) };
    void this.viewer.show(caseVolumes(mode, item, found), look);
  }

  /** What can be shown: nothing against a ground truth that is not there. */
  private drawModes({ label }: ComparedCase, all: readonly Segmented[], { caseMode }: CompareState): CaseMode {
    const modes = MODES.filter(
      ({ value }) => (value !== 'truth' || label !== undefined) && (value !== 'reference' || all.length > 1),
    ).map((mode) => (mode.value === 'reference' ? { ...mode, label: `Against ${letterOf(all[0]!.at)}` } : mode));
    const mode = modes.some(({ value }) => value === caseMode) ? caseMode : 'predictions';
    const shape = JSON.stringify([modes, mode]);
    if (shape !== this.shape) {
      this.shape = shape;
      const held = this.modes.contains(document.activeElement);
      const set = (value: CaseMode): void => this.set({ caseMode: value });
      this.modes.replaceChildren(
        segmented('What is shown', modes, mode, set, 'case-mode'),
        ...legend(mode, letterOf(all[0]?.at ?? 0)),
      );
      if (held) this.modes.querySelector<HTMLElement>('input:checked')?.focus();
    }
    return mode;
  }
}
