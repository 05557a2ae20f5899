import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import { writeFileAtomically } from '../../files/atomic';
import { showInfo } from './notify';

/**
 * Asks where to save something that a panel made, and writes it.
 *
 * @param name the file's suggested name; what follows its last dot is its kind.
 * @param write the content, or what writes it to the chosen file.
 * @returns the file written, or undefined when the dialog was cancelled.
 */
export async function saveFile(
  name: string,
  write: string | Uint8Array | ((file: string) => Promise<void>),
): Promise<string | undefined> {
  const format = name.slice(name.lastIndexOf('.') + 1);
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const target = await vscode.window.showSaveDialog({
    ...(folder && { defaultUri: vscode.Uri.joinPath(folder, name) }),
    filters: { [format.toUpperCase()]: [format] },
    saveLabel: 'Save',
  });
  if (!target) return undefined;
  if (typeof write === 'function') await write(target.fsPath);
  else await writeFileAtomically(target.fsPath, write);
  const open = 'Open';
  void showInfo(`Saved ${basename(target.fsPath)}`, open).then((choice) => {
    if (choice === open) void vscode.commands.executeCommand('vscode.open', target);
  });
  return target.fsPath;
}

/**
 * What lets a command of `voco` replace the file that was chosen in a dialog, which has asked. Of what else the command would write,
 * nobody has, so a new file is written without it.
 */
export const over = (out: string): string[] => (existsSync(out) ? ['--force'] : []);
