import * as vscode from 'vscode';
import { csvLine } from '../../files/csv';
import type { RunSummary } from '../../jobs/runSummary';
import type { RunsTableContract, TablePart } from '../../protocol/runs';
import { changeNotes } from '../../runs/notes';
import type { Services } from '../services';
import { ThreadClient } from '../../rpc/threadClient';
import { panelPage, panelRoots, tabIcon } from '../panel/html';
import { servePanel, type Handlers, type PanelServer } from '../panel/panelServer';
import { saveFile } from '../shared/saveFile';
import type { TableThread } from '../../jobs/table/worker';

const PANEL = 'voco.runsTable';
const TITLE = 'Runs';
const THROTTLE_MS = 1000;

/** What of a run's state the table shows, as a text to compare. */
const stampOf = ({ phase, state, reason }: RunSummary): string =>
  [phase, state.step, state.loss, state.ended, reason].join('|');

/** An open table: it follows the registry for as long as it lives. */
class RunsTable {
  private readonly thread: ThreadClient<TableThread>;
  private readonly server: PanelServer<RunsTableContract>;
  private readonly subscriptions: vscode.Disposable[];
  private readonly written = new Set<string>();
  private sent = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    webview: vscode.Webview,
    private readonly services: Services,
  ) {
    const { context, log, registry } = services;
    this.thread = new ThreadClient<TableThread>({
      script: context.asAbsolutePath('dist/runs-worker.cjs'),
      name: 'VoCo runs',
      tooLarge: 'There are more runs than the memory of this machine holds.',
    });
    this.server = servePanel<RunsTableContract>(webview, this.handlers(), (error) => log.error(String(error)));
    this.subscriptions = [
      registry.onDidChange(() => this.soon()),
      registry.onDidWrite((dir) => {
        this.written.add(dir);
        this.soon();
      }),
    ].map((one) => vscode.Disposable.from(one));
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const part of [this.server, this.thread, ...this.subscriptions]) part.dispose();
  }

  private handlers(): Handlers<RunsTableContract> {
    return {
      rows: ({ ids }) => this.rows(ids),
      annotate: ({ id, change }) => changeNotes(id, change),
      showCurves: ({ ids }) => {
        this.services.curves.show(ids);
        return null;
      },
      compare: async ({ ids }) => {
        await vscode.commands.executeCommand('voco.compareCheckpoints', ids);
        return null;
      },
      export: ({ lines }) => saveFile('runs.csv', lines.map(csvLine).join('')),
    };
  }

  private async rows(ids: readonly string[] | undefined): Promise<TablePart> {
    const { finder, registry } = this.services;
    await finder.start();
    const runs = ids ? ids.flatMap((id) => registry.get(id) ?? []) : registry.runs;
    if (!ids) this.sent = new Map(runs.map((run) => [run.dir, stampOf(run)]));
    return this.thread.call('part', runs);
  }

  /** Tells the webview what changed, once a second at most. */
  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      const now = new Map(this.services.registry.runs.map((run) => [run.dir, stampOf(run)]));
      const ids = [...now.keys()].filter((dir) => this.sent.get(dir) !== now.get(dir) || this.written.has(dir));
      const gone = [...this.sent.keys()].filter((dir) => !now.has(dir));
      this.sent = now;
      this.written.clear();
      if (ids.length + gone.length > 0) this.server.send('changed', { ids, gone });
    }, THROTTLE_MS);
  }
}

/** The table of all runs, at most one. */
class RunsTablePanels implements vscode.WebviewPanelSerializer {
  private panel: vscode.WebviewPanel | undefined;

  constructor(private readonly services: Services) {}

  command(): void {
    if (this.panel) return this.panel.reveal();
    this.attach(vscode.window.createWebviewPanel(PANEL, TITLE, vscode.ViewColumn.Active));
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.attach(panel);
    return Promise.resolve();
  }

  private attach(panel: vscode.WebviewPanel): void {
    const { extensionUri } = this.services.context;
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(extensionUri) };
    panel.iconPath = tabIcon(extensionUri);
    const table = new RunsTable(panel.webview, this.services);
    this.panel = panel;
    panel.onDidDispose(() => {
      table.dispose();
      if (this.panel === panel) this.panel = undefined;
    });
    panel.webview.html = panelPage(panel.webview, extensionUri, { bundle: 'runs', title: TITLE });
  }
}

/** Registers the table of runs: its command and the panel that a reloaded window brings back. */
export function registerRunsTable(services: Services): vscode.Disposable {
  const panels = new RunsTablePanels(services);
  return vscode.Disposable.from(
    vscode.window.registerWebviewPanelSerializer(PANEL, panels),
    vscode.commands.registerCommand('voco.showRunsTable', () => panels.command()),
  );
}
