import * as vscode from 'vscode';
import { loadConfig, type Config, type ConfigKind } from '../../config';
import { UserError } from '../../errors/userError';
import type { RunKind } from '../../runs/runDirectory';
import { configProblems } from '../config/diagnostics';
import { chosenDevice, type Services } from '../services';
import { Cancelled } from '../shared/command';
import { saveConfig } from '../config/pickConfig';

const COMMANDS: Record<ConfigKind, { readonly title: string; readonly command: string; readonly noun: string }> = {
  pretrain: { title: 'Pre-train', command: 'voco.pretrain', noun: 'pre-training' },
  finetune: { title: 'Fine-tune', command: 'voco.finetune', noun: 'fine-tuning' },
};

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

/** Offers the command that a config is for. @throws Cancelled when it is for another one. */
function refuseOtherKind(config: vscode.Uri, found: ConfigKind, kind: ConfigKind): void {
  if (found === kind) return;
  const { title, command, noun } = COMMANDS[found];
  const name = config.path.split('/').at(-1)!;
  void vscode.window.showWarningMessage(`${name} is a config for ${noun}.`, title).then((choice) => {
    if (choice === title) void vscode.commands.executeCommand(command, config);
  });
  throw new Cancelled();
}

/** The overrides that the settings of the editor make. */
export function settingOverrides(): string[] {
  const device = chosenDevice();
  return device ? [`device=${JSON.stringify(device)}`] : [];
}

/** Reports what the launcher did with a new run. */
export async function announceQueued(services: Services, dir: string): Promise<void> {
  const run = services.registry.get(dir);
  if (!run) throw new UserError(`${dir}: the run was made but cannot be read`);
  if (run.phase !== 'queued') return;
  void vscode.window.showInformationMessage(
    `${run.label} waits in the queue: its device is taken (see the setting voco.runsPerDevice).`,
  );
}

export interface TrainingOptions {
  /** Further `path=value` overrides, asked for once the config is known to be right. */
  readonly overrides?: (config: Config) => Promise<readonly string[]>;
  /** What is done with the config, where that is not what its kind says. */
  readonly job?: RunKind;
}

/**
 * Starts a training with a config, after it has been saved and checked.
 *
 * @returns the run directory
 * @throws Cancelled when the config is wrong or of another kind, which the user has been told by then
 */
export async function startTraining(
  services: Services,
  config: vscode.Uri,
  kind: ConfigKind,
  { overrides = () => Promise.resolve([]), job = kind }: TrainingOptions = {},
): Promise<string> {
  await saveConfig(config);
  await refuseWithErrors(config);
  const read = await loadConfig(config.fsPath);
  refuseOtherKind(config, read.config.kind, kind);
  const set = [...settingOverrides(), ...(await overrides(read.config))];
  const loaded = await loadConfig(config.fsPath, { set });
  await services.program();
  const dir = await services.launcher.submit({ kind: job, config: loaded.config, configFile: config.fsPath });
  await services.finder.remember(dir);
  await announceQueued(services, dir);
  return dir;
}
