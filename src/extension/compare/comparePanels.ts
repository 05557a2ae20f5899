import * as vscode from 'vscode';
import { registerCommand } from '../shared/command';
import { checkpointsToCompare } from './compareCheckpoints';
import type { Services } from '../services';
import { ComparePanel, type SavedComparison } from './comparePanel';

const PANEL = 'voco.compare';
const TITLE = 'Compare checkpoints';

const sameFiles = (a: readonly string[], b: readonly string[]): boolean =>
  [...a].sort().join('\n') === [...b].sort().join('\n');

/** The comparisons that are open: one for each set of checkpoints. */
class ComparePanels implements vscode.WebviewPanelSerializer<SavedComparison> {
  private readonly open = new Set<ComparePanel>();

  constructor(private readonly services: Services) {}

  show(files: readonly string[]): void {
    const known = [...this.open].find((one) => sameFiles(one.files, files));
    if (known) return known.panel.reveal();
    this.attach(vscode.window.createWebviewPanel(PANEL, TITLE, vscode.ViewColumn.Active), files);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: SavedComparison | undefined): Promise<void> {
    if (state?.files.length) this.attach(panel, state.files);
    else panel.dispose();
    return Promise.resolve();
  }

  private attach(panel: vscode.WebviewPanel, files: readonly string[]): void {
    const comparison = new ComparePanel(panel, this.services, files);
    this.open.add(comparison);
    panel.onDidDispose(() => this.open.delete(comparison));
  }
}

/** Registers the comparison of checkpoints: its command and the panels that a reloaded window brings back. */
export function registerComparePanels(services: Services): vscode.Disposable {
  const panels = new ComparePanels(services);
  return vscode.Disposable.from(
    vscode.window.registerWebviewPanelSerializer(PANEL, panels),
    registerCommand(services, {
      id: 'voco.compareCheckpoints',
      run: async (_, argument, selected) => panels.show(await checkpointsToCompare(services, argument, selected)),
    }),
  );
}
