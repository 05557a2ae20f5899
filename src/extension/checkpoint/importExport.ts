import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { Config } from '../../config';
import { validConfig } from '../../config/ofCheckpoint';
import { UserError } from '../../errors/userError';
import { runTool } from '../../jobs/process';
import { describedSection } from '../../nets/descriptors';
import { listCheckpoints } from '../../runs/checkpoint';
import { readSafetensorsHeader } from '../../runs/safetensors';
import { dialogExtensions, TORCH_EXTENSIONS, WEIGHT_EXTENSIONS } from '../../files/weightFiles';
import { CHECKPOINT_EDITOR, isCheckpointEditor } from './checkpointEditor';
import type { Services } from '../services';
import { Cancelled, withProgress, type CommandDefinition } from '../shared/command';
import { pickRun } from '../runs/pickRun';
import { showInfo } from '../shared/notify';
import { over } from '../shared/saveFile';

/** The file that a menu, an editor or a tree item names. */
function fileOf(argument: unknown): string | undefined {
  if (argument instanceof vscode.Uri) return argument.fsPath;
  const { checkpoint } = (argument ?? {}) as { checkpoint?: { file?: unknown } };
  return typeof checkpoint?.file === 'string' ? checkpoint.file : undefined;
}

/** Whether a checkpoint file is in front of the user, in its editor. */
export function shownFile(extensions: readonly string[]): string | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (!(input instanceof vscode.TabInputCustom) || !isCheckpointEditor(input.viewType)) return undefined;
  const file = input.uri.fsPath;
  return extensions.some((extension) => file.endsWith(`.${extension}`)) ? file : undefined;
}

async function askForFile(title: string, extensions: readonly string[]): Promise<string> {
  const [chosen] =
    (await vscode.window.showOpenDialog({
      title,
      openLabel: 'Choose',
      filters: { Weights: dialogExtensions(extensions), 'All files': ['*'] },
    })) ?? [];
  if (!chosen) throw new Cancelled();
  return chosen.fsPath;
}

async function askForTarget(name: string, beside: string, filters: Record<string, string[]>): Promise<string> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.joinPath(vscode.Uri.file(beside), '..');
  const target = await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.joinPath(folder, name), filters });
  if (!target) throw new Cancelled();
  return target.fsPath;
}

/** Runs a `voco` command that reads and writes weights. @returns what it reported. @throws UserError with its last complaint. */
async function runOnWeights(services: Services, title: string, args: readonly string[]): Promise<string[]> {
  const program = await services.program();
  const result = await withProgress(title, (signal, say) => runTool(program, args, { signal, onMessage: say }));
  const lines = result.messages.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (result.code !== 0)
    throw new UserError(lines.at(-1) ?? `voco ${args[0]} ended with ${result.code ?? result.signal}`);
  return lines;
}

/** Tells what was done, with its report one click away: in the extension's log, and in the file that is opened. */
async function showReport(services: Services, what: string, lines: readonly string[]): Promise<void> {
  for (const line of lines) services.log.info(line);
  const report = 'Show Report';
  if ((await showInfo(what, report)) !== report) return;
  const document = await vscode.workspace.openTextDocument({ content: `${lines.join('\n')}\n` });
  await vscode.window.showTextDocument(document, { preview: true });
}

export const importCheckpointCommand: CommandDefinition = {
  id: 'voco.importCheckpoint',
  async run(services, argument) {
    await services.program();
    const file =
      fileOf(argument) ?? shownFile(TORCH_EXTENSIONS) ?? (await askForFile('Import which weights?', WEIGHT_EXTENSIONS));
    const name = `${basename(file).replace(/(\.(pt|pth))?\.[^.]*$/, '')}.safetensors`;
    const out = await askForTarget(name, file, { Safetensors: ['safetensors'] });
    const args = ['import', file, '--out', out, ...over(out)];
    const lines = await runOnWeights(services, `Importing ${basename(file)}`, args);
    await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(out), CHECKPOINT_EDITOR);
    void showReport(services, `Imported ${basename(file)} as ${basename(out)}.`, lines);
    return out;
  },
};

/** A checkpoint of the workspace's runs, chosen by the user: the run first, where there are several. */
async function pickCheckpointOfRun(services: Services, title: string): Promise<string> {
  const run = await pickRun(services, undefined, {
    title,
    suits: (one) => one.state.step > 0,
    none: 'No run has written a checkpoint yet.',
  });
  const { checkpoints } = await listCheckpoints(run.dir);
  if (checkpoints.length === 0) throw new UserError(`${run.label}: the run has no checkpoint`);
  if (checkpoints.length === 1) return checkpoints[0]!.file;
  const items = [...checkpoints].reverse().map(({ step, file }, index) => ({
    label: `step ${step}`,
    description: index === 0 ? 'newest' : '',
    file,
  }));
  const choice = await vscode.window.showQuickPick(items, { title });
  if (!choice) throw new Cancelled();
  return choice.file;
}

interface Format extends vscode.QuickPickItem {
  /** Of `voco export --to`. */
  readonly to: string;
  readonly extensions: string[];
}

const WEIGHTS: readonly Format[] = [
  {
    label: 'PyTorch',
    to: 'pt',
    description: '.pt',
    detail: 'The weights as a state dict, for torch.load',
    extensions: ['pt', 'pth'],
  },
  {
    label: 'Safetensors',
    to: 'safetensors',
    description: '.safetensors',
    detail: 'The weights, for safetensors libraries and voco',
    extensions: ['safetensors'],
  },
];
const ONNX: Format = {
  label: 'ONNX',
  to: 'onnx',
  description: '.onnx',
  detail: 'The whole network, for ONNX Runtime; preprocessing and classes are in its metadata',
  extensions: ['onnx'],
};

const NNSSL: Format = {
  label: 'nnssl and nnU-Net',
  to: 'nnssl',
  description: '.pth',
  detail: 'The pre-trained network with its adaptation plan, for nnU-Net’s fine-tuning',
  extensions: ['pth'],
};

/** Whether nnssl has a network like that of a config. */
function isOfNnssl(config: Config | undefined): boolean {
  if (!config) return false;
  const { descriptor, section } = describedSection(config.network);
  return descriptor.stateDict.nnssl?.(section) !== undefined;
}

/** What a checkpoint can be exported as: only a fine-tuned one has a whole network in it, only a pre-trained one is for nnssl. */
async function askForFormat(file: string): Promise<Format> {
  const { metadata } = await readSafetensorsHeader(file);
  const first = metadata.kind === 'finetune' ? [ONNX] : isOfNnssl(validConfig(metadata)) ? [NNSSL] : [];
  const formats = [...first, ...WEIGHTS];
  const choice = await vscode.window.showQuickPick(formats, { title: `Export ${basename(file)} as what?` });
  if (!choice) throw new Cancelled();
  return choice;
}

export const exportCheckpointCommand: CommandDefinition = {
  id: 'voco.exportCheckpoint',
  async run(services, argument) {
    await services.program();
    const title = 'Export which checkpoint?';
    const file = fileOf(argument) ?? shownFile(['safetensors']) ?? (await pickCheckpointOfRun(services, title));
    const { label, to, extensions } = await askForFormat(file);
    // An export as safetensors must not be suggested the name of what it comes from.
    const suffix = file.endsWith(`.${extensions[0]}`) ? `-weights.${extensions[0]}` : `.${extensions[0]}`;
    const name = `${basename(file).replace(/\.[^.]*$/, '')}${suffix}`;
    const out = await askForTarget(name, file, { [label]: extensions });
    const lines = await runOnWeights(services, `Exporting ${basename(file)}`, [
      ...['export', file, '--out', out, '--to', to, ...over(out)],
    ]);
    void showReport(services, `Exported ${basename(out)}, with a model card beside it.`, lines);
    return out;
  },
};
