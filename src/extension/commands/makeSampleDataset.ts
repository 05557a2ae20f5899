import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { runTool } from '../../jobs/process';
import { Cancelled, markDone, withProgress, type CommandDefinition } from './command';

const MAX_CASES = 1000;

async function askCases(): Promise<number> {
  const text = await vscode.window.showInputBox({
    title: 'Make Sample Dataset: how many cases?',
    prompt: 'Synthetic abdominal CT; one case takes a second or two and a few megabytes',
    value: '12',
    validateInput: (value) =>
      /^\d+$/.test(value) && Number(value) >= 2 && Number(value) <= MAX_CASES
        ? undefined
        : `A number from 2 to ${MAX_CASES}`,
  });
  if (text === undefined) throw new Cancelled();
  return Number(text);
}

function freeFolder(root: string): string {
  for (let attempt = 1; ; attempt++) {
    const folder = join(root, attempt === 1 ? 'sample-data' : `sample-data-${attempt}`);
    if (!existsSync(folder)) return folder;
  }
}

export const makeSampleDataset: CommandDefinition = {
  id: 'voco.makeSampleDataset',
  async run(services) {
    const root = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    if (!root) throw new UserError('Open a folder first: the sample dataset is written into it.');
    const cases = await askCases();
    const out = freeFolder(root);
    const program = await services.program();
    const args = ['phantom', '--out', out, '--cases', String(cases)];
    const result = await withProgress('Making the sample dataset', (signal, say) =>
      runTool(program, args, { signal, onMessage: say }),
    );
    if (result.code !== 0) throw new UserError(result.messages.trim() || 'the sample dataset could not be made');
    markDone('data');
    const start = 'New Experiment';
    const text = `${cases} cases are in ${out}.`;
    void vscode.window.showInformationMessage(text, start).then((choice) => {
      const datalist = vscode.Uri.file(result.output.trim());
      if (choice === start) void vscode.commands.executeCommand('voco.newExperiment', datalist);
    });
    return out;
  },
};
