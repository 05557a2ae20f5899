import * as vscode from 'vscode';

export const settings = (): vscode.WorkspaceConfiguration => vscode.workspace.getConfiguration('voco');

/** The device that new runs use, or undefined for what their config says. */
export const chosenDevice = (): string | undefined => settings().get<string>('device') || undefined;

/** The overrides of a config that the settings of the editor make, as `path=value`. */
export function settingOverrides(): string[] {
  const device = chosenDevice();
  return device ? [`device=${JSON.stringify(device)}`] : [];
}
