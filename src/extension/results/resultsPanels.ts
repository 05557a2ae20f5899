import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { RunRegistry } from '../../jobs/runRegistry';
import type { Params, Result } from '../../protocol/panel';
import type { ResultsContract, ResultsState } from '../../protocol/results';
import type { RunFinder } from '../runs/runFinder';
import { panelPage, panelRoots, tabIcon } from '../panel/html';
import { servePanel, type Handlers, type PanelServer } from '../panel/panelServer';
import { saveFile } from '../shared/saveFile';
import { openCase } from './openCase';
import { readResultsTable } from '../../jobs/results/table';
import { describeResults, loadResults, runToEvaluate } from '../../jobs/results/resultSources';

export const RESULTS_VIEW_TYPE = 'voco.results';
const TITLE = 'Results';
const QUIET_MS = 200;

interface Open {
  readonly panel: vscode.WebviewPanel;
  readonly server: PanelServer<ResultsContract>;
  /** The run that the host wants to be shown at the next `open`. */
  wanted: string | undefined;
}

/** The results panel, at most one: opening it again shows the run in the one there is. */
export class ResultsPanels {
  private open: Open | undefined;
  private timer: NodeJS.Timeout | undefined;
  private watcher: vscode.FileSystemWatcher | undefined;
  private readonly subscriptions: { dispose(): void }[];

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly registry: RunRegistry,
    private readonly finder: RunFinder,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.subscriptions = [
      registry.onDidChange(() => this.changed()),
      vscode.window.registerWebviewPanelSerializer(RESULTS_VIEW_TYPE, {
        deserializeWebviewPanel: async (panel, state: ResultsState | undefined) => this.attach(panel, state?.run),
      }),
    ];
  }

  /** Shows the results of a run beside what is being edited; without a run, what was shown before or is newest. */
  show(run?: string): void {
    if (!this.open) {
      const column = vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
      this.attach(vscode.window.createWebviewPanel(RESULTS_VIEW_TYPE, TITLE, { viewColumn: column }), run);
      return;
    }
    this.open.panel.reveal();
    if (run === undefined) return;
    this.open.wanted = run;
    this.open.server.send('show', { run });
  }

  dispose(): void {
    this.open?.panel.dispose();
    this.watcher?.dispose();
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private attach(panel: vscode.WebviewPanel, run: string | undefined): void {
    const { extensionUri } = this.context;
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(extensionUri) };
    panel.iconPath = tabIcon(extensionUri);
    const server = servePanel<ResultsContract>(panel.webview, this.handlers(), (error) =>
      this.log.error(String(error)),
    );
    const open: Open = { panel, server, wanted: run };
    this.open = open;
    this.watch();
    panel.onDidDispose(() => {
      server.dispose();
      if (this.open === open) this.open = undefined;
    });
    // A picture of the charts is made from an SVG drawing.
    const policy = ['img-src data:'];
    panel.webview.html = panelPage(panel.webview, extensionUri, { bundle: 'results', title: TITLE, policy });
  }

  /** Results that `voco evaluate` adds to a run from a terminal change nothing else in it. */
  private watch(): void {
    if (this.watcher) return;
    this.watcher = vscode.workspace.createFileSystemWatcher('**/results.json');
    for (const event of [this.watcher.onDidCreate, this.watcher.onDidChange, this.watcher.onDidDelete]) {
      event(() => this.changed());
    }
  }

  private handlers(): Handlers<ResultsContract> {
    return {
      open: async ({ run }) => {
        await this.finder.start();
        const wanted = this.open?.wanted ?? run;
        if (this.open) this.open.wanted = undefined;
        return describeResults(this.registry, wanted);
      },
      evaluate: async ({ run }) => {
        await vscode.commands.executeCommand('voco.evaluate', runToEvaluate(this.registry, run));
        return null;
      },
      openCase: async (request) => {
        await openCase(await loadResults(request.run), request.index, request.class, this.columnBeside());
        return null;
      },
      export: (request) => this.export(request),
    };
  }

  /** Left of the panel where the config is, so that volumes do not get a narrow third column; else a new one. */
  private columnBeside(): vscode.ViewColumn {
    const own = this.open?.panel.viewColumn ?? vscode.ViewColumn.One;
    return own === vscode.ViewColumn.One ? vscode.ViewColumn.Beside : vscode.ViewColumn.One;
  }

  /** Tells the panel that something changed, a few times a second at most. */
  private changed(): void {
    if (!this.open) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.open?.server.send('changed', null);
    }, QUIET_MS);
  }

  private async export(request: Params<ResultsContract, 'export'>): Promise<Result<ResultsContract, 'export'>> {
    const { run, format } = request;
    return saveFile(`${basename(run)}-results.${format}`, request.content ?? (await readResultsTable(run)));
  }
}
