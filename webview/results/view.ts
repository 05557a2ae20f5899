import type { EvaluationState, ResultsAnswer, ResultsContract, ResultsState } from '../../src/protocol/results';
import { button, dropdown, segmented } from '../ui/controls';
import { element } from '../ui/dom';
import { HostError, errorText, type Host } from '../ui/host';
import { currentTheme, onThemeChange, type Theme } from '../ui/theme';
import { SCORE_LABELS, rocSvg } from './classification';
import { classificationView } from './classificationView';
import { classChartSvg, type Ink } from './classChart';
import { headline, studyHeadline } from './headline';
import { latexScores, latexStudy, latexTable } from './latex';
import { svgAsPng } from './picture';
import { metricsOf, type Metric } from './scores';
import { chartOf, SegmentationView } from './segmentationView';
import { studySvg } from './studyPicture';
import { studyView } from './studyView';

const DEFAULT_STATE: ResultsState = { metric: 'dice', view: 'cases', sort: { column: 'mean', worstFirst: true } };

/** Saved pictures are for papers: dark on white, whatever the theme. */
const PAPER: Ink = { foreground: '#1a1a1a', muted: '#555555', background: '#ffffff', grid: '#dddddd' };
const PAPER_WIDTH = 900;
const PAPER_FONT = 'Helvetica, Arial, sans-serif';
/** The host shows a dialog: the user may take any time to answer it. */
const DIALOG_TIMEOUT_MS = 3_600_000;

const LIVE: Record<EvaluationState['kind'], string> = {
  evaluate: 'The scores appear when all cases are done.',
  study: 'The curves grow with every finished fine-tuning.',
};

const progressText = (kind: EvaluationState['kind'], done: number, total: number): string =>
  kind === 'study' ? `Training: step ${done} of ${total}` : `Evaluating: ${done} of ${total} cases`;

/** The panel: which run, which metric, its table and charts. It owns the state and asks the host for what it shows. */
export class ResultsView {
  private state: ResultsState;
  private theme: Theme = currentTheme();
  private answer: ResultsAnswer | undefined;
  private segmentation: SegmentationView | undefined;
  private asked = 0;

  private readonly toolbar = element('div', { class: 'toolbar' });
  private readonly heading = element('div', { class: 'headline' });
  private readonly progress = element('div', { class: 'evaluation', role: 'status' });
  private readonly message = element('div', { class: 'message', role: 'status' });
  private readonly content = element('div', { class: 'content' });

  constructor(
    app: HTMLElement,
    private readonly host: Host<ResultsContract, ResultsState>,
  ) {
    this.state = { ...DEFAULT_STATE, ...host.savedState };
    app.append(element('header', {}, this.toolbar, this.progress, this.message, this.heading), this.content);
    onThemeChange((theme) => {
      this.theme = theme;
      this.draw();
    });
    new ResizeObserver(() => this.resized()).observe(this.content);
  }

  /** Asks for the runs, and for the results of `run`, or of the one shown before. */
  async open(run: string | undefined = this.state.run): Promise<void> {
    const turn = ++this.asked;
    try {
      const answer = await this.host.call('open', { run });
      if (turn !== this.asked) return;
      if (answer.source !== undefined && answer.source !== this.state.run) this.setState({ run: answer.source });
      if (JSON.stringify(answer) === JSON.stringify(this.answer)) return;
      this.answer = answer;
      this.say(answer.problem === undefined ? undefined : new HostError('user', answer.problem));
      this.draw();
    } catch (error) {
      this.say(error);
    }
  }

  private resized(): void {
    if (this.answer?.study) this.draw();
    else this.segmentation?.resized();
  }

  private setState(change: Partial<ResultsState>): void {
    this.state = { ...this.state, ...change };
    this.host.saveState(this.state);
  }

  private change(change: Partial<ResultsState>): void {
    this.setState(change);
    this.draw();
  }

  /** The metrics of a segmentation, and the one that is chosen. */
  private metrics(): { all: readonly Metric[]; chosen: Metric } | undefined {
    const shown = this.answer?.shown;
    const all = shown && !shown.results.classification ? metricsOf(shown.results) : [];
    const chosen = all.find(({ id }) => id === this.state.metric) ?? all[0];
    return chosen && { all, chosen };
  }

  private draw(): void {
    const { answer } = this;
    if (!answer) return;
    this.drawToolbar(answer);
    this.drawEvaluation(answer.evaluation);
    const { shown } = answer;
    const metrics = this.metrics();
    const { study } = answer;
    // What a person has unfolded stays so when anything is drawn anew.
    const unfolded = this.heading.querySelector<HTMLDetailsElement>('details')?.open ?? false;
    this.heading.replaceChildren(...(study ? studyHeadline(study) : shown ? headline(shown, metrics?.chosen) : []));
    this.heading.querySelector('details')?.toggleAttribute('open', unfolded);
    if (study) {
      this.segmentation = undefined;
      this.content.replaceChildren(studyView(study, this.theme, this.content.clientWidth));
    } else if (!shown) {
      this.segmentation = undefined;
      this.content.replaceChildren(this.emptyState(answer));
    } else if (!metrics) {
      this.segmentation = undefined;
      const open = (index: number): void => void this.openCase(index);
      this.content.replaceChildren(classificationView(shown, this.theme, open));
    } else {
      if (!this.segmentation) {
        this.segmentation = new SegmentationView(this.state, {
          onOpen: (index, classIndex) => void this.openCase(index, classIndex),
          onState: (change) => this.change(change),
        });
        this.content.replaceChildren(this.segmentation.node);
      }
      this.segmentation.update(shown, metrics.chosen, this.state, this.theme);
    }
  }

  private drawToolbar({ sources, source, shown, study, canEvaluate }: ResultsAnswer): void {
    const metrics = this.metrics();
    const shape = JSON.stringify([
      sources,
      source,
      shown?.run,
      study !== undefined,
      canEvaluate,
      metrics?.all.map(({ id }) => id),
    ]);
    // A toolbar that is built anew while it is used would lose the focus.
    if (this.toolbar.dataset.shape === shape) return;
    this.toolbar.dataset.shape = shape;
    const options = sources.map(({ run, name, detail }) => ({ value: run, label: `${name} · ${detail}` }));
    const choice = dropdown('Run', options, source ?? '', (run) => void this.open(run), 'source');
    const metric =
      metrics &&
      segmented(
        'Metric',
        metrics.all.map(({ id, label, title }) => ({ value: id, label, title })),
        metrics.chosen.id,
        (id) => this.change({ metric: id }),
        'metric',
      );
    const evaluate = button('Evaluate again', () => void this.evaluate(), {
      id: 'evaluate',
      title: 'Score the best checkpoint on the held-out cases',
    });
    this.toolbar.replaceChildren(
      ...(sources.length > 0 ? [choice] : []),
      ...(metric ? [metric] : []),
      element('span', { class: 'spacer' }),
      ...(shown && canEvaluate ? [evaluate] : []),
      ...(shown || study ? [this.exports()] : []),
    );
  }

  private exports(): HTMLElement {
    const save = (format: 'csv' | 'tex' | 'png', label: string, title: string): HTMLElement =>
      button(label, () => void this.export(format), { id: `export-${format}`, title });
    return element(
      'span',
      { class: 'group', role: 'group', 'aria-label': 'Save as' },
      save('csv', 'CSV', 'Save all scores as a CSV table'),
      save('tex', 'LaTeX', 'Save the means as a LaTeX table'),
      save('png', 'PNG', 'Save the chart as a PNG picture'),
    );
  }

  private drawEvaluation(evaluation: EvaluationState | undefined): void {
    this.progress.hidden = evaluation === undefined;
    if (!evaluation) return;
    const { kind, phase, done, total, reason } = evaluation;
    const noun = kind === 'study' ? 'study' : 'evaluation';
    if (phase === 'failed' || phase === 'interrupted') {
      const what = phase === 'failed' ? `The ${noun} failed` : `The ${noun} was stopped`;
      this.progress.replaceChildren(`${what}${reason ? `: ${reason}` : ''}`);
      return;
    }
    const bar = element('progress', { 'aria-label': noun, ...(total > 0 && { max: total, value: done }) });
    const text =
      phase === 'queued'
        ? `The ${noun} waits for its device…`
        : total > 0
          ? progressText(kind, done, total)
          : `Starting the ${noun}…`;
    this.progress.replaceChildren(bar, text);
  }

  private emptyState({ source, canEvaluate, evaluation, problem }: ResultsAnswer): HTMLElement {
    if (problem !== undefined) return element('div', {});
    if (source === undefined) {
      return element(
        'div',
        { class: 'empty' },
        element('p', {}, 'There is no fine-tuning yet.'),
        element('p', { class: 'muted' }, '“VoCo: Fine-tune” starts one; its scores by case and organ are shown here.'),
      );
    }
    const live = evaluation !== undefined && !['failed', 'interrupted'].includes(evaluation.phase);
    if (live) {
      return element('div', { class: 'empty' }, element('p', { class: 'muted' }, LIVE[evaluation.kind]));
    }
    const start = button('Evaluate', () => void this.evaluate(), { id: 'evaluate', appearance: 'primary' });
    return element(
      'div',
      { class: 'empty' },
      ...(canEvaluate
        ? [
            element('p', {}, 'This run has not been evaluated on whole volumes yet.'),
            element('p', { class: 'muted' }, 'An evaluation scores every held-out case against its labels.'),
            start,
          ]
        : [element('p', { class: 'muted' }, 'This run has no results.')]),
    );
  }

  private async evaluate(): Promise<void> {
    const { source } = this.answer ?? {};
    if (source !== undefined) await this.attempt(this.host.call('evaluate', { run: source }, DIALOG_TIMEOUT_MS));
  }

  private async openCase(index: number, classIndex?: number): Promise<void> {
    const run = this.answer?.shown?.run;
    if (run === undefined) return;
    const which = classIndex === undefined ? {} : { class: classIndex };
    await this.attempt(this.host.call('openCase', { run, index, ...which }));
  }

  private async export(format: 'csv' | 'tex' | 'png'): Promise<void> {
    const { shown, study, source } = this.answer ?? {};
    const run = study ? source : shown?.run;
    if (run === undefined) return;
    const saved = this.contentOf(format).then((content) =>
      this.host.call('export', { run, format, ...(content && { content }) }, DIALOG_TIMEOUT_MS),
    );
    await this.attempt(saved);
  }

  private async contentOf(format: 'csv' | 'tex' | 'png'): Promise<Uint8Array | undefined> {
    if (format === 'csv') return undefined;
    const { study } = this.answer!;
    if (study && format === 'tex') return new TextEncoder().encode(latexStudy(study));
    if (study) return svgAsPng(studySvg(study, PAPER_WIDTH, PAPER, PAPER_FONT), PAPER.background);
    const shown = this.answer!.shown!;
    const { results, classes } = shown;
    const metrics = this.metrics();
    if (format === 'tex') {
      const text = metrics ? latexTable(results, classes) : latexScores(results, SCORE_LABELS);
      return new TextEncoder().encode(text);
    }
    const svg = metrics
      ? classChartSvg(chartOf(shown, metrics.chosen), PAPER_WIDTH, PAPER, PAPER_FONT)
      : rocSvg(results.classification ?? [], classes, PAPER, PAPER_FONT);
    return svgAsPng(svg, PAPER.background);
  }

  private async attempt(work: Promise<unknown>): Promise<void> {
    try {
      await work;
      this.say(undefined);
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
