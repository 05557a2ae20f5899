import { basename } from 'node:path';
import * as vscode from 'vscode';
import { describeResults, loadResults, runToEvaluate } from '../../jobs/results/resultSources';
import { readResultsTable } from '../../jobs/results/table';
import type { Params, Result } from '../../protocol/panel';
import type { ResultsContract, ResultsState } from '../../protocol/results';
import { PanelPage } from '../panel/page';
import { besideEditor, Panels, type OpenPanel } from '../panel/panels';
import type { Handlers, PanelServer } from '../panel/panelServer';
import { atMostEvery } from '../panel/timing';
import type { Services } from '../services';
import { saveFile } from '../shared/saveFile';
import { openCase } from './openCase';

const TITLE = 'Results';
const QUIET_MS = 200;

type ResultsServices = Pick<Services, 'context' | 'registry' | 'finder' | 'log'>;

/** The run to show; without one, what was shown before or is newest. */
interface Wish {
  readonly run?: string | undefined;
}

/** The results panel, at most one: opening it again shows the run in the one there is. */
export class ResultsPanels {
  private readonly panels: Panels<Wish, ResultsState>;

  constructor(services: ResultsServices) {
    this.panels = new Panels<Wish, ResultsState>({
      viewType: 'voco.results',
      title: TITLE,
      where: besideEditor,
      make: (panel, wish) => new ResultsPanel(panel, services, wish),
      restore: (state) => ({ run: state?.run }),
    });
  }

  /** Shows the results of a run beside what is being edited; without a run, what was shown before or is newest. */
  show(run?: string): void {
    this.panels.show({ run });
  }

  dispose(): void {
    this.panels.dispose();
  }
}

class ResultsPanel implements OpenPanel<Wish> {
  readonly page: PanelPage;
  private readonly server: PanelServer<ResultsContract>;

  /** @param wish what to show at the next `open`, whatever the page remembers */
  constructor(
    panel: vscode.WebviewPanel,
    private readonly services: ResultsServices,
    private wish: Wish,
  ) {
    // A picture of the charts is made from an SVG drawing.
    const policy = ['img-src data:'];
    this.page = new PanelPage(services, panel, { bundle: 'results', title: TITLE, policy, icon: true });
    this.server = this.page.serve(this.handlers());
    const changed = this.page.own(atMostEvery(QUIET_MS, () => this.server.send('changed', null)));
    this.page.own(services.registry.onDidChange(changed));
    // Results that `voco evaluate` adds to a run from a terminal change nothing else in it.
    const watcher = this.page.own(vscode.workspace.createFileSystemWatcher('**/results.json'));
    for (const event of [watcher.onDidCreate, watcher.onDidChange, watcher.onDidDelete]) event(changed);
  }

  shows(): boolean {
    return true;
  }

  again(wish: Wish): void {
    this.page.panel.reveal();
    if (wish.run === undefined) return;
    this.wish = wish;
    this.server.send('show', { run: wish.run });
  }

  private handlers(): Handlers<ResultsContract> {
    const { finder, registry } = this.services;
    return {
      open: async ({ run }) => {
        await finder.start();
        const wanted = this.wish.run ?? run;
        this.wish = {};
        return describeResults(registry, wanted);
      },
      evaluate: async ({ run }) => {
        await vscode.commands.executeCommand('voco.evaluate', runToEvaluate(registry, run));
        return null;
      },
      openCase: async ({ run, index, class: label }) => {
        await openCase(await loadResults(run), index, label, this.columnBeside());
        return null;
      },
      export: exportResults,
    };
  }

  /** Left of the panel where the config is, so that volumes do not get a narrow third column; else a new one. */
  private columnBeside(): vscode.ViewColumn {
    const own = this.page.panel.viewColumn ?? vscode.ViewColumn.One;
    return own === vscode.ViewColumn.One ? vscode.ViewColumn.Beside : vscode.ViewColumn.One;
  }
}

async function exportResults(request: Params<ResultsContract, 'export'>): Promise<Result<ResultsContract, 'export'>> {
  const { run, format, content } = request;
  return saveFile(`${basename(run)}-results.${format}`, content ?? (await readResultsTable(run)));
}
