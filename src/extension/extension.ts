import * as vscode from 'vscode';
import { paletteCommands } from './commands';
import { registerCommand } from './shared/command';
import { registerCodeLenses } from './config/codeLenses';
import { watchConfigs } from './config/diagnostics';
import { registerQuickFixes } from './config/quickFixes';
import { registerCheckpointEditor } from './checkpoint/checkpointEditor';
import { registerVolumeEditor } from './volume/volumeEditor';
import { registerComparePanels } from './compare/comparePanels';
import { registerCropsPanels } from './crops/cropsPanels';
import { registerEstimatePanels } from './estimate/estimatePanels';
import { registerRunsTable } from './runs/tablePanel';
import { createServices } from './services';
import { createDatasetsView } from './datasets/datasetsView';
import { createDevicesView } from './devices/devicesView';
import { announceRuns } from './runs/notifications';
import { createRunsView } from './runs/runsView';
import { createStatusBar } from './runs/statusBar';

/** Wires commands, views and editors. Everything that reads or starts something happens later, when it is first needed. */
export function activate(context: vscode.ExtensionContext): void {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const services = createServices(context);
  context.subscriptions.push(
    ...paletteCommands.map((command) => registerCommand(services, command)),
    createRunsView(services),
    createDatasetsView(services),
    createDevicesView(services),
    createStatusBar(services),
    announceRuns(services),
    watchConfigs((error) => services.log.error(String(error))),
    registerQuickFixes(),
    registerCodeLenses(),
    registerVolumeEditor(services),
    registerCheckpointEditor(services),
    registerCropsPanels(services),
    registerEstimatePanels(services),
    registerRunsTable(services),
    registerComparePanels(services),
    tellTrust(),
  );
  const { user, system } = process.cpuUsage(cpu);
  const computing = ((user + system) / 1000).toFixed(1);
  services.log.info(`activated in ${(performance.now() - started).toFixed(1)} ms (${computing} ms of computing)`);
  // After activation: find the runs that are under way, and start what waits in the queue.
  setTimeout(() => void services.finder.start().then(() => services.launcher.pump()), 0);
}

/** The workbench's own key for trust can be missing after the extension host has crashed: ours stands in for it. */
function tellTrust(): vscode.Disposable {
  const tell = (): void =>
    void vscode.commands.executeCommand('setContext', 'voco.trusted', vscode.workspace.isTrusted);
  tell();
  return vscode.workspace.onDidGrantWorkspaceTrust(tell);
}
