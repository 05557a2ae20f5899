import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { RunRegistry } from '../../jobs/runRegistry';
import { chartsFor } from '../../jobs/series/charts';
import { writeMetricsCsv } from '../../jobs/series/csv';
import { classColours } from '../../jobs/series/classColours';
import type {
  ChartDescription,
  CurveRun,
  CurvesContract,
  CurvesState,
  ExportRequest,
  SeriesAnswer,
  SeriesRequest,
} from '../../protocol/curves';
import type { RunFinder } from '../runs/runFinder';
import { panelPage, panelRoots, tabIcon } from '../panel/html';
import { saveFile } from '../shared/saveFile';
import { servePanel, type Handlers, type PanelServer } from '../panel/panelServer';
import { RunColours } from '../../jobs/series/runColours';
import { SeriesThread } from '../../jobs/series/seriesThread';

export const CURVES_VIEW_TYPE = 'voco.curves';
const MAX_LISTED = 40;
const THROTTLE_MS = 500;

interface Open {
  readonly panel: vscode.WebviewPanel;
  readonly server: PanelServer<CurvesContract>;
  /** Runs that the host wants to be shown at the next `open`. */
  wanted: readonly string[] | undefined;
  pending: Set<string>;
  timer?: NodeJS.Timeout;
  /** Set while news of the list of runs waits to be told. */
  listing?: NodeJS.Timeout;
}

/** The loss-curves panel, at most one: opening it again shows the run in the one there is. */
export class CurvesPanels {
  private open: Open | undefined;
  private readonly thread: SeriesThread;
  private readonly colours: RunColours;
  private readonly subscriptions: { dispose(): void }[];

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly registry: RunRegistry,
    private readonly finder: RunFinder,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.thread = new SeriesThread(context.asAbsolutePath('dist/series-worker.cjs'));
    this.colours = new RunColours(context.workspaceState);
    this.subscriptions = [
      registry.onDidWrite((dir) => this.changed(dir)),
      registry.onDidChangePhase(() => this.listed()),
      vscode.window.registerWebviewPanelSerializer(CURVES_VIEW_TYPE, {
        deserializeWebviewPanel: async (panel, state: CurvesState | undefined) => this.attach(panel, state?.runs),
      }),
    ];
  }

  /** Shows the curves of runs beside what is being edited; without runs, of those shown before or the newest. */
  show(runs?: readonly string[]): void {
    if (!this.open) {
      const column = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
      const where = { viewColumn: column, preserveFocus: true };
      this.attach(vscode.window.createWebviewPanel(CURVES_VIEW_TYPE, 'Loss curves', where), runs);
      return;
    }
    this.open.panel.reveal(undefined, true);
    if (!runs) return;
    this.open.wanted = runs;
    this.open.server.send('runs', { show: runs });
  }

  dispose(): void {
    this.open?.panel.dispose();
    this.thread.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private attach(panel: vscode.WebviewPanel, runs: readonly string[] | undefined): void {
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(this.context.extensionUri) };
    panel.iconPath = tabIcon(this.context.extensionUri);
    const server = servePanel<CurvesContract>(panel.webview, this.handlers(), (error) => this.log.error(String(error)));
    const open: Open = { panel, server, wanted: runs, pending: new Set() };
    this.open = open;
    panel.onDidDispose(() => {
      server.dispose();
      clearTimeout(open.timer);
      clearTimeout(open.listing);
      if (this.open === open) this.open = undefined;
    });
    const title = 'Loss curves';
    panel.webview.html = panelPage(panel.webview, this.context.extensionUri, { bundle: 'curves', title });
  }

  private handlers(): Handlers<CurvesContract> {
    return {
      open: ({ runs }) => this.describe(this.open?.wanted ?? runs),
      series: (request) => this.series(request),
      export: (request) => this.export(request),
    };
  }

  private async describe(asked: readonly string[]): Promise<CurvesContract['calls']['open']['result']> {
    if (this.open) this.open.wanted = undefined;
    // A window that is restored asks before its runs have been found.
    await this.finder.start();
    const known = this.registry.runs.filter(({ phase, state }) => phase !== 'queued' && state.kind !== 'evaluate');
    const listed = known.filter((run, index) => index < MAX_LISTED || asked.includes(run.dir));
    const existing = asked.filter((dir) => listed.some((run) => run.dir === dir));
    const shown = existing.length > 0 ? existing : listed.slice(0, 1).map((run) => run.dir);
    const runs = listed.map((run): CurveRun => {
      const { dir, label, phase, state } = run;
      return { id: dir, name: label, state: phase, colour: this.colours.of(dir), steps: state.step };
    });
    return { runs, shown, charts: await this.chartsOf(shown) };
  }

  /** The charts that the metrics of runs give. */
  async chartsOf(runs: readonly string[]): Promise<ChartDescription[]> {
    const contents = await Promise.all(runs.map((dir) => this.thread.describe(dir)));
    const metrics = [...new Set(contents.flatMap((one) => one.metrics))];
    return chartsFor(metrics, await classColours(runs));
  }

  /** The series of runs, as far as they have been read. */
  async series(request: SeriesRequest): Promise<SeriesAnswer> {
    const answer = await this.thread.query(request);
    const marks = answer.marks.map((one) => {
      const resumed = this.registry.get(one.run)?.state.resumedAt?.map((step) => step + 1) ?? [];
      return { ...one, resumed: [...new Set([...one.resumed, ...resumed])] };
    });
    return { ...answer, marks };
  }

  /** Tells the panel that runs came or changed their state: a search finds thousands one after the other. */
  private listed(): void {
    const { open } = this;
    if (!open) return;
    open.listing ??= setTimeout(() => {
      delete open.listing;
      open.server.send('runs', {});
    }, THROTTLE_MS);
  }

  /** Tells the panel that a run grew, a few times a second at most. */
  private changed(dir: string): void {
    const { open } = this;
    if (!open) return;
    open.pending.add(dir);
    open.timer ??= setTimeout(() => {
      delete open.timer;
      const runs = [...open.pending];
      open.pending.clear();
      open.server.send('changed', { runs });
    }, THROTTLE_MS);
  }

  private async export(request: ExportRequest): Promise<string | undefined> {
    const { format, runs, metrics, content } = request;
    const name = `${runs.length === 1 ? basename(runs[0]!) : 'runs'}-curves.${format}`;
    return saveFile(name, format === 'csv' ? (file) => writeMetricsCsv(file, runs, metrics) : (content ?? ''));
  }
}
