import * as vscode from 'vscode';

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
