import * as vscode from 'vscode';
import type { ConfigKind } from '../../config';
import { kindOfText } from '../../config/kindOfText';

/** What makes a file an experiment config. */
export const CONFIG_SUFFIX = '.voco.json';
export const CONFIG_SELECTOR: vscode.DocumentFilter = { pattern: `**/*${CONFIG_SUFFIX}` };

export const isConfigFile = (uri: vscode.Uri): boolean => uri.path.endsWith(CONFIG_SUFFIX);

const MAX_CONFIGS = 200;

/** The configs of the workspace, by path. */
export async function findConfigs(): Promise<vscode.Uri[]> {
  const found = await vscode.workspace.findFiles(`**/*${CONFIG_SUFFIX}`, '**/node_modules/**', MAX_CONFIGS);
  return found.sort((a, b) => a.fsPath.localeCompare(b.fsPath));
}

/** The kind of a config, from its editor or from disk. */
export async function kindOfConfig(uri: vscode.Uri): Promise<ConfigKind> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  return kindOfText(open?.getText() ?? Buffer.from(await vscode.workspace.fs.readFile(uri)).toString('utf8'));
}
