import * as vscode from 'vscode';
import { csvLine } from '../../files/csv';
import type { RunSummary } from '../../jobs/runSummary';
import type { RunsTableContract, TablePart } from '../../protocol/runs';
import { changeNotes } from '../../runs/notes';
import type { Services } from '../services';
import { connectThread } from '../../rpc/threads';
import type { Client } from '../../rpc';
import { PanelPage } from '../panel/page';
import { Panels, type OpenPanel } from '../panel/panels';
import type { Handlers, PanelServer } from '../panel/panelServer';
import { atMostEvery } from '../panel/timing';
import { registerCommand } from '../shared/command';
import { saveFile } from '../shared/saveFile';
import type { TableCalls } from '../../jobs/table/worker';

const TITLE = 'Runs';
const THROTTLE_MS = 1000;

/** The part of a run's state that the table shows, as a text to compare. */
const stampOf = ({ phase, state, reason }: RunSummary): string =>
  [phase, state.step, state.loss, state.ended, reason].join('|');

/** The table of all runs, at most one: it follows the registry for as long as it lives. */
class RunsTablePanel implements OpenPanel<'all'> {
  readonly page: PanelPage;
  private readonly thread: Client<TableCalls>;
  private readonly server: PanelServer<RunsTableContract>;
  private readonly written = new Set<string>();
  private sent = new Map<string, string>();

  constructor(
    panel: vscode.WebviewPanel,
    private readonly services: Services,
  ) {
    const { context, registry } = services;
    this.page = new PanelPage(services, panel, { bundle: 'runs', title: TITLE, icon: true });
    this.server = this.page.serve(this.handlers());
    this.thread = this.page.own(
      connectThread<TableCalls>({
        script: context.asAbsolutePath('dist/runs-worker.cjs'),
        name: 'VoCo runs',
        tooLarge: 'There are too many runs for the memory of this machine.',
      }),
    );
    const soon = this.page.own(atMostEvery(THROTTLE_MS, () => this.tellChanges()));
    this.page.own(registry.onDidChange(soon));
    this.page.own(
      registry.onDidWrite((dir) => {
        this.written.add(dir);
        soon();
      }),
    );
  }

  shows(): boolean {
    return true;
  }

  again(): void {
    this.page.panel.reveal();
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

  /** Sends the page the rows that changed since the last event. */
  private tellChanges(): void {
    const now = new Map(this.services.registry.runs.map((run) => [run.dir, stampOf(run)]));
    const ids = [...now.keys()].filter((dir) => this.sent.get(dir) !== now.get(dir) || this.written.has(dir));
    const gone = [...this.sent.keys()].filter((dir) => !now.has(dir));
    this.sent = now;
    this.written.clear();
    if (ids.length + gone.length > 0) this.server.send('changed', { ids, gone });
  }
}

/** Registers the table of runs: its command and the panel that a reloaded window brings back. */
export function registerRunsTable(services: Services): vscode.Disposable {
  const panels = new Panels<'all', unknown>({
    viewType: 'voco.runsTable',
    title: TITLE,
    where: () => vscode.ViewColumn.Active,
    make: (panel) => new RunsTablePanel(panel, services),
    restore: () => 'all',
  });
  const command = registerCommand(services, { id: 'voco.showRunsTable', run: () => panels.show('all') });
  return vscode.Disposable.from(panels, command);
}
