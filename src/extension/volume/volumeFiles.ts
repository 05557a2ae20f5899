import * as vscode from 'vscode';
import { isVolumeName } from '../../files/volumeNames';

/** Whether a file is a volume by its name. */
export const isVolumeUri = (uri: vscode.Uri): boolean => isVolumeName(uri.fsPath);

/** The volume in the active tab, if it shows one. */
export function activeVolume(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputCustom && isVolumeUri(input.uri) ? input.uri : undefined;
}
