import { basename } from 'node:path';
import * as vscode from 'vscode';
import { chartsFor } from '../../jobs/series/charts';
import { classColours } from '../../jobs/series/classColours';
import { writeMetricsCsv } from '../../jobs/series/csv';
import { RunColours } from '../../jobs/series/runColours';
import { seriesThread, type SeriesThread } from '../../jobs/series/seriesThread';
import type {
  ChartDescription,
  CurveRun,
  CurvesContract,
  CurvesState,
  CurvesExport,
  SeriesAnswer,
  SeriesRequest,
} from '../../protocol/curves';
import { PanelPage } from '../panel/page';
import { besideEditor, Panels, type OpenPanel } from '../panel/panels';
import type { Handlers, PanelServer } from '../panel/panelServer';
import { atMostEvery } from '../panel/timing';
import type { Services } from '../services';
import { saveFile } from '../shared/saveFile';

const TITLE = 'Loss curves';
const MAX_LISTED = 40;
const THROTTLE_MS = 500;

type CurvesServices = Pick<Services, 'context' | 'registry' | 'finder' | 'log'>;

/** The runs to show; without any, those shown before or the newest. */
interface Wish {
  readonly runs?: readonly string[] | undefined;
}

/** Metrics of runs: their charts and series, and the panel that shows them. */
export class CurvesPanels {
  private readonly panels: Panels<Wish, CurvesState>;
  private readonly thread: SeriesThread;
  private readonly colours: RunColours;

  constructor(private readonly services: CurvesServices) {
    const { context } = services;
    this.thread = seriesThread(context.asAbsolutePath('dist/series-worker.cjs'));
    this.colours = new RunColours(context.workspaceState);
    this.panels = new Panels<Wish, CurvesState>({
      viewType: 'voco.curves',
      title: TITLE,
      where: () => ({ viewColumn: besideEditor(), preserveFocus: true }),
      make: (panel, wish) => new CurvesPanel(panel, services, this, wish),
      restore: (state) => ({ runs: state?.runs }),
    });
  }

  /** Shows the curves of runs beside what is being edited; without runs, of those shown before or the newest. */
  show(runs?: readonly string[]): void {
    this.panels.show({ runs });
  }

  /** The charts that the metrics of runs give. */
  async chartsOf(runs: readonly string[]): Promise<ChartDescription[]> {
    const contents = await Promise.all(runs.map((dir) => this.thread.call('describe', [dir])));
    const metrics = [...new Set(contents.flatMap((one) => one.metrics))];
    return chartsFor(metrics, await classColours(runs));
  }

  /** The series of runs, as far as they have been read. */
  async series(request: SeriesRequest): Promise<SeriesAnswer> {
    const answer = await this.thread.call('query', [request]);
    const marks = answer.marks.map((one) => {
      const resumed = this.services.registry.get(one.run)?.state.resumedAt?.map((step) => step + 1) ?? [];
      return { ...one, resumed: [...new Set([...one.resumed, ...resumed])] };
    });
    return { ...answer, marks };
  }

  colourOf(run: string): number {
    return this.colours.of(run);
  }

  dispose(): void {
    this.panels.dispose();
    this.thread.dispose();
  }
}

/** The loss-curves panel, at most one: opening it again shows the runs in the one there is. */
class CurvesPanel implements OpenPanel<Wish> {
  readonly page: PanelPage;
  private readonly server: PanelServer<CurvesContract>;
  /** Runs that grew since the last event to the page. */
  private readonly grown = new Set<string>();

  /** @param wish what to show at the next `open`, whatever the page remembers */
  constructor(
    panel: vscode.WebviewPanel,
    private readonly services: CurvesServices,
    private readonly curves: CurvesPanels,
    private wish: Wish,
  ) {
    const { registry } = services;
    this.page = new PanelPage(services, panel, { bundle: 'curves', title: TITLE, icon: true });
    this.server = this.page.serve(this.handlers());
    const tellGrown = this.page.own(atMostEvery(THROTTLE_MS, () => this.tellGrown()));
    // A search finds thousands of runs one after the other.
    const tellListed = this.page.own(atMostEvery(THROTTLE_MS, () => this.server.send('runs', {})));
    this.page.own(registry.onDidChangePhase(tellListed));
    this.page.own(
      registry.onDidWrite((dir) => {
        this.grown.add(dir);
        tellGrown();
      }),
    );
  }

  shows(): boolean {
    return true;
  }

  again(wish: Wish): void {
    this.page.panel.reveal(undefined, true);
    if (!wish.runs) return;
    this.wish = wish;
    this.server.send('runs', { show: wish.runs });
  }

  private handlers(): Handlers<CurvesContract> {
    return {
      open: ({ runs }) => this.describe(this.wish.runs ?? runs),
      series: (request) => this.curves.series(request),
      export: (request) => exportCurves(request),
    };
  }

  private async describe(asked: readonly string[]): Promise<CurvesContract['calls']['open']['result']> {
    this.wish = {};
    const { finder, registry } = this.services;
    // A window that is restored asks before its runs have been found.
    await finder.start();
    const known = registry.runs.filter(({ phase, state }) => phase !== 'queued' && state.kind !== 'evaluate');
    const listed = known.filter((run, index) => index < MAX_LISTED || asked.includes(run.dir));
    const existing = asked.filter((dir) => listed.some((run) => run.dir === dir));
    const shown = existing.length > 0 ? existing : listed.slice(0, 1).map((run) => run.dir);
    const runs = listed.map((run): CurveRun => {
      const { dir, label, phase, state } = run;
      return { id: dir, name: label, state: phase, colour: this.curves.colourOf(dir), steps: state.step };
    });
    return { runs, shown, charts: await this.curves.chartsOf(shown) };
  }

  private tellGrown(): void {
    const runs = [...this.grown];
    this.grown.clear();
    this.server.send('changed', { runs });
  }
}

async function exportCurves({ format, runs, metrics, content }: CurvesExport): Promise<string | undefined> {
  const name = `${runs.length === 1 ? basename(runs[0]!) : 'runs'}-curves.${format}`;
  return saveFile(name, format === 'csv' ? (file) => writeMetricsCsv(file, runs, metrics) : (content ?? ''));
}
