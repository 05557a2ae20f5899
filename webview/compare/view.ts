import type { ComparedCases, Comparison } from '../../src/protocol/comparison';
import type { CompareOverview, CompareState, CompareTab } from '../../src/protocol/compare';
import { tabs, type Tab } from '../ui/controls';
import { element } from '../ui/dom';
import { HostError, errorText } from '../ui/host';
import { currentTheme, onThemeChange, type Theme } from '../ui/theme';
import { Cards, nameOf } from './cards';
import { CasesView } from './casesView';
import { CurvesPart } from './curvesView';
import { FeaturesView } from './featuresView';
import { Overview } from './overview';
import { PositionsView } from './positionsView';
import { scoreLines } from './scoreModel';
import { ScoresView } from './scoresView';
import { Task, type CompareHost } from './task';
import { WeightsView } from './weightsView';

const DEFAULT_STATE: CompareState = {
  files: [],
  tab: 'overview',
  configFilter: '',
  metric: 'dice',
  scoreSort: { by: 'class', descending: false },
  weightSort: { by: 'module', descending: false },
  smoothing: 0.9,
  logarithmic: false,
  caseMode: 'predictions',
  viewers: {},
};
const DIALOG_TIMEOUT_MS = 3_600_000;

const TITLES: readonly (readonly [CompareTab, string])[] = [
  ['overview', 'Overview'],
  ['scores', 'Scores'],
  ['cases', 'Cases'],
  ['curves', 'Curves'],
  ['positions', 'Positions'],
  ['weights', 'Weights'],
];

/** The panel: which checkpoints, and in tabs what tells them apart. It owns the state and asks the host for what it shows. */
export class CompareView {
  private state: CompareState;
  private theme: Theme = currentTheme();
  private overview: CompareOverview = { cards: [] };
  private comparison: Comparison | undefined;
  private cases: ComparedCases | undefined;
  /** What the comparison was asked for: the files, and the evaluations there were. */
  private compared = '';
  private curvesOf = '';

  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly content = element('div', { class: 'content' });
  private readonly contents = new Map<CompareTab, HTMLElement>();
  private readonly cards: Cards;
  private readonly reading: Task<'compare'>;
  private readonly listing: Task<'cases'>;
  private readonly origins: Overview;
  private readonly scores: ScoresView;
  private readonly casesView: CasesView;
  private readonly curves: CurvesPart;
  private readonly positions: PositionsView;
  private readonly weights: WeightsView;
  private readonly features: FeaturesView;
  private tabShape = '';

  constructor(
    app: HTMLElement,
    private readonly host: CompareHost,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState };
    const set = (change: Partial<CompareState>): void => this.set(change);
    const saveViewer = (name: 'cases' | 'positions') => (view: CompareState['viewers']['cases']) => {
      this.state = { ...this.state, viewers: { ...this.state.viewers, [name]: view } };
      host.saveState(this.state);
    };
    this.cards = new Cards({
      arrange: (files) => void this.arrange(files),
      choose: () => void this.attempt(() => this.choose()),
      show: (file) => void this.attempt(() => host.call('show', { file })),
    });
    const again = (): void => {
      this.compared = '';
      void this.open();
    };
    this.reading = new Task(host, 'compare', again);
    this.listing = new Task(host, 'cases', again);
    this.origins = new Overview(set);
    this.scores = new ScoresView({
      set,
      evaluate: (at) =>
        void this.attempt(() => host.call('evaluate', { file: this.state.files[at]! }, DIALOG_TIMEOUT_MS)),
      export: () => void this.attempt(() => this.export()),
    });
    this.casesView = new CasesView(host, set, this.state, saveViewer('cases'));
    this.curves = new CurvesPart(host, set, this.state, this.theme);
    this.positions = new PositionsView(host, set, this.state, saveViewer('positions'));
    this.weights = new WeightsView(set);
    this.features = new FeaturesView(new Task(host, 'features'));
    this.fill();
    const head = element('header', { class: 'compare-head' }, this.cards.node, this.message, this.reading.node);
    app.classList.add('compare');
    app.append(head, this.content);
    onThemeChange((theme) => {
      this.theme = theme;
      this.draw();
    });
  }

  /** Asks for the checkpoints, and for what is compared when they or their evaluations have changed. */
  async open(): Promise<void> {
    await this.attempt(async () => {
      const overview = await this.host.call('open', { files: this.state.files });
      this.overview = overview;
      const files = overview.cards.map(({ file }) => file);
      if (files.join('\n') !== this.state.files.join('\n')) this.set({ files });
      this.drawTabs();
      this.draw();
      if (files.join('\n') !== this.curvesOf) {
        this.curvesOf = files.join('\n');
        void this.curves.open();
      }
      await this.compare();
    });
  }

  /** Metrics were written. */
  grown(): void {
    if (this.state.tab === 'curves') void this.curves.open();
  }

  private fill(): void {
    const parts: Record<CompareTab, readonly HTMLElement[]> = {
      overview: [this.origins.node],
      scores: [this.scores.node],
      cases: [this.listing.node, this.casesView.node],
      curves: [this.curves.node],
      positions: [this.positions.node],
      weights: [this.weights.node, this.features.node],
    };
    for (const [tab, nodes] of Object.entries(parts)) {
      this.contents.set(tab as CompareTab, element('div', { class: `tab-content ${tab}-tab` }, ...nodes));
    }
  }

  private set(change: Partial<CompareState>): void {
    this.state = { ...this.state, ...change };
    this.host.saveState(this.state);
    this.draw();
  }

  /** Reads the weights and pairs the scores, once for each set of files and evaluations. */
  private async compare(): Promise<void> {
    const { cards, problem } = this.overview;
    const key = JSON.stringify(cards.map(({ file, evaluated }) => [file, evaluated]));
    if (problem !== undefined || key === this.compared) return;
    const { files } = this.state;
    this.compared = key;
    const [comparison, cases] = await Promise.all([
      this.reading.run({ files }, 'Comparing the checkpoints'),
      this.listing.run({ files }, 'Looking for cases'),
    ]);
    if (key !== this.compared) return;
    this.comparison = comparison ?? this.comparison;
    this.cases = cases ?? this.cases;
    this.draw();
  }

  private async arrange(files: readonly string[]): Promise<void> {
    this.comparison = this.cases = undefined;
    this.set({ files, scoreSort: DEFAULT_STATE.scoreSort, weightSort: DEFAULT_STATE.weightSort });
    await this.open();
  }

  private async choose(): Promise<void> {
    const files = await this.host.call('choose', null, DIALOG_TIMEOUT_MS);
    if (files) await this.arrange(files);
  }

  private async export(): Promise<void> {
    if (!this.comparison) return;
    const lines = scoreLines(this.comparison.scores, this.names());
    await this.host.call('export', { name: 'comparison-scores.csv', lines }, DIALOG_TIMEOUT_MS);
  }

  private names(): string[] {
    return this.overview.cards.map(nameOf);
  }

  /** Tabs that can say something of checkpoints of these kinds. */
  private drawTabs(): void {
    const kinds = this.overview.cards.map(({ kind }) => kind);
    const some = (kind: string): boolean => kinds.some((one) => one === kind || one === undefined);
    const hidden = new Set<CompareTab>([
      ...(some('finetune') ? [] : (['scores', 'cases'] as const)),
      ...(some('pretrain') ? [] : (['positions'] as const)),
    ]);
    const shown = TITLES.filter(([id]) => !hidden.has(id));
    const shape = shown.map(([id]) => id).join();
    if (shape === this.tabShape) return;
    this.tabShape = shape;
    if (hidden.has(this.state.tab)) this.set({ tab: 'overview' });
    const items = shown.map(([id, label]): Tab => ({ id, label, content: this.contents.get(id)! }));
    const choose = (id: string): void => {
      // Controls inside of a tab tell changes of their own.
      if (id === this.state.tab) return;
      this.set({ tab: id as CompareTab });
      if (id === 'curves') void this.curves.open();
    };
    this.content.replaceChildren(tabs(items, this.state.tab, choose));
  }

  private draw(): void {
    const { state, theme, comparison, cases } = this;
    const { cards, problem } = this.overview;
    this.cards.update(cards, theme);
    this.say(problem === undefined ? undefined : new HostError('user', explained(problem)));
    this.curves.update(state, theme);
    this.content.dataset.compared = String(comparison !== undefined);
    for (const part of [this.origins, this.weights, this.scores, this.features]) part.node.hidden = !comparison;
    for (const part of [this.casesView, this.positions]) part.node.hidden = !comparison || !cases;
    if (!comparison) return;
    const { checkpoints } = comparison;
    const { files } = state;
    const names = this.names();
    this.origins.update(comparison, state, theme);
    this.weights.update(comparison, state, theme);
    this.features.update(files, checkpoints);
    this.scores.update({ scores: comparison.scores, names, unevaluated: this.unevaluated(comparison), state, theme });
    // What these two show is computed: only what is looked at.
    if (cases && state.tab === 'cases') this.casesView.update({ files, names, checkpoints, cases, state, theme });
    if (cases && state.tab === 'positions') this.positions.update({ files, names, cases, state, theme });
  }

  /** Fine-tuned checkpoints without an evaluation, but for those that are being evaluated. */
  private unevaluated({ checkpoints }: Comparison): number[] {
    return this.overview.cards.flatMap(({ kind, evaluation }, at) => {
      const busy = evaluation && evaluation.phase !== 'failed' && evaluation.phase !== 'interrupted';
      return kind === 'finetune' && checkpoints[at]?.results === undefined && !busy ? [at] : [];
    });
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.say(error);
    }
  }

  private say(error: unknown): void {
    this.message.classList.toggle('error', error !== undefined);
    const text = errorText(error);
    this.message.textContent = error === undefined ? '' : text;
  }
}

const explained = (problem: string): string =>
  `${problem} Networks and weights are not read; names, steps and curves are shown.`;
