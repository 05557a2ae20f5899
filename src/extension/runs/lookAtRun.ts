import { sep } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import type { CommandDefinition } from '../shared/command';
import { pickRun } from './pickRun';
import { runFiles } from '../../runs/files';
import { firstExisting } from '../../files/kinds';

const NONE = 'There are no runs in this folder yet.';
const any = (): boolean => true;

export const showLogCommand: CommandDefinition = {
  id: 'voco.showLog',
  async run(services, argument) {
    const run = await pickRun(services, argument, { title: 'Show the log of which run?', suits: any, none: NONE });
    const file = await firstExisting([runFiles(run.dir).log, runFiles(run.dir).output]);
    if (!file) throw new UserError(`${run.label}: the run has written no log yet`);
    const editor = await vscode.window.showTextDocument(vscode.Uri.file(file), { preview: false });
    const end = editor.document.lineAt(editor.document.lineCount - 1).range;
    editor.revealRange(end);
  },
};

export const openRunFolderCommand: CommandDefinition = {
  id: 'voco.openRunFolder',
  async run(services, argument) {
    const run = await pickRun(services, argument, { title: 'Open the folder of which run?', suits: any, none: NONE });
    await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(run.dir), { forceNewWindow: true });
  },
};

export const revealRunCommand: CommandDefinition = {
  id: 'voco.revealRun',
  async run(services, argument) {
    const run = await pickRun(services, argument, { title: 'Reveal which run?', suits: any, none: NONE });
    const folder = vscode.workspace.workspaceFolders?.find(({ uri }) =>
      `${run.dir}${sep}`.startsWith(uri.fsPath + sep),
    );
    if (!folder) throw new UserError(`${run.dir}: the run is outside this workspace; use “Open Run Folder” instead`);
    const inside = run.dir.slice(folder.uri.fsPath.length).split('\\').join('/');
    const state = folder.uri.with({ path: `${folder.uri.path}${inside}/run.json` });
    await vscode.commands.executeCommand('revealInExplorer', state);
  },
};

export const refreshRunsCommand: CommandDefinition = {
  id: 'voco.refreshRuns',
  async run(services) {
    await services.finder.search();
    await vscode.commands.executeCommand('voco.runs.focus');
  },
};
