import { relative } from 'node:path';
import * as vscode from 'vscode';
import type { ConfigKind } from '../../config';
import { findConfigs, isConfigFile, kindOfConfig } from './configFiles';
import { Cancelled, requireFolder } from '../shared/command';
import { plainItem } from '../shared/notify';

const NEW_EXPERIMENT = '$(new-file) New Experiment…';

function fromArgument(argument: unknown): vscode.Uri | undefined {
  if (argument instanceof vscode.Uri) return argument;
  const config = (argument as { config?: unknown } | undefined)?.config;
  return config instanceof vscode.Uri ? config : undefined;
}

function activeConfig(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  const uri =
    vscode.window.activeTextEditor?.document.uri ?? (input instanceof vscode.TabInputText ? input.uri : undefined);
  return uri && isConfigFile(uri) ? uri : undefined;
}

function item(uri: vscode.Uri): vscode.QuickPickItem & { uri?: vscode.Uri } {
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  const shown = folder ? relative(folder.uri.fsPath, uri.fsPath) : uri.fsPath;
  const name = uri.path.split('/').at(-1)!;
  return plainItem({ label: name, ...(shown !== name && { description: shown }), uri });
}

/** Configs of a kind; those that cannot be read are of none. */
async function ofKind(configs: readonly vscode.Uri[], kind: ConfigKind): Promise<vscode.Uri[]> {
  const kinds = await Promise.all(configs.map((uri) => kindOfConfig(uri).catch(() => undefined)));
  return configs.filter((_, index) => kinds[index] === kind);
}

/**
 * The config that a menu names, the one being edited, or the one the user picks; a new one when there is none.
 *
 * @param kind leaves configs of other kinds out, but for one that a menu names
 */
export async function pickConfig(argument: unknown, title: string, kind?: ConfigKind): Promise<vscode.Uri> {
  const suiting = (uris: readonly vscode.Uri[]): Promise<vscode.Uri[]> | vscode.Uri[] =>
    kind === undefined ? [...uris] : ofKind(uris, kind);
  const active = activeConfig();
  const given = fromArgument(argument) ?? (active && (await suiting([active]))[0]);
  if (given) return given;
  requireFolder('Open a folder first: VoCo looks for experiment configs in it.');
  const configs = await suiting(await findConfigs());
  if (configs.length === 1) return configs[0]!;
  const items = [...configs.map(item), { label: NEW_EXPERIMENT } as ReturnType<typeof item>];
  const placeHolder = configs.length === 0 ? 'There is no experiment config in this folder yet' : 'Which config?';
  const choice = await vscode.window.showQuickPick(items, { title, placeHolder, matchOnDescription: true });
  if (!choice) throw new Cancelled();
  if (choice.uri) return choice.uri;
  const made = await vscode.commands.executeCommand<vscode.Uri | undefined>('voco.newExperiment');
  if (!made) throw new Cancelled();
  return made;
}

/** Saves a config that is open with changes, so that what runs is what is seen. */
export async function saveConfig(uri: vscode.Uri): Promise<void> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open?.isDirty) await open.save();
}
