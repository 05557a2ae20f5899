import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { loadConfig } from '../../config';
import { configProblems } from '../editors/config/diagnostics';
import { chosenDevice, type Services } from '../services';
import { Cancelled, markDone, type CommandDefinition } from './command';
import { pickConfig, saveConfig } from './pickConfig';

/** Shows the first error of a config on its line. @throws Cancelled when there is one. */
export async function refuseWithErrors(config: vscode.Uri): Promise<void> {
  const document = await vscode.workspace.openTextDocument(config);
  const problems = await configProblems(document, { syntax: true });
  const first = problems.find((problem) => problem.severity === vscode.DiagnosticSeverity.Error);
  if (!first) return;
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  editor.selection = new vscode.Selection(first.range.start, first.range.end);
  editor.revealRange(first.range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  const show = 'Show Problems';
  const line = first.range.start.line + 1;
  void vscode.window.showErrorMessage(`Not started, line ${line}: ${first.message}`, show).then((choice) => {
    if (choice === show) void vscode.commands.executeCommand('workbench.actions.view.problems');
  });
  throw new Cancelled();
}

/** Reports what the launcher did with a new run. */
async function announce(services: Services, dir: string): Promise<void> {
  const run = services.registry.get(dir);
  if (!run) throw new UserError(`${dir}: the run was made but cannot be read`);
  if (run.phase !== 'queued') return;
  void vscode.window.showInformationMessage(
    `${run.label} waits in the queue: its device is taken (see the setting voco.runsPerDevice).`,
  );
}

export const pretrain: CommandDefinition = {
  id: 'voco.pretrain',
  async run(services, argument) {
    const config = await pickConfig(argument, 'Pre-train with which config?');
    await saveConfig(config);
    await refuseWithErrors(config);
    const device = chosenDevice();
    const set = device ? [`device=${JSON.stringify(device)}`] : [];
    const loaded = await loadConfig(config.fsPath, { set });
    await services.program();
    const dir = await services.launcher.submit({ kind: 'pretrain', config: loaded.config, configFile: config.fsPath });
    await services.finder.remember(dir);
    await announce(services, dir);
    markDone('pretrain');
    return dir;
  },
};
