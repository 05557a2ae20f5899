import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { runTool } from '../../jobs/process';
import type { Services } from '../services';
import { Cancelled, requireFolder, withProgress, type CommandDefinition } from '../shared/command';
import { showInfo } from '../shared/notify';
import { counted, plural } from '../../text';

const MAX_CASES = 1000;

/** What the command answers. */
export interface SampleDataset {
  readonly folder: string;
  /** Its file in Decathlon's format. */
  readonly datalist: string;
}

/** As an argument: the caller goes on with the dataset, so the user is not asked to. */
export const QUIETLY = 'quietly';

async function askCases(): Promise<number> {
  const text = await vscode.window.showInputBox({
    title: 'Make Sample Dataset: how many cases?',
    prompt: 'Synthetic abdominal CT; one case takes a second or two and a few megabytes',
    value: '12',
    ignoreFocusOut: true,
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

/** Writes the cases into a new folder; nothing is left of it when that is cancelled or fails. */
async function make(services: Services, folder: string, cases: number): Promise<SampleDataset> {
  const program = await services.program();
  const args = ['phantom', '--out', folder, '--cases', String(cases)];
  try {
    const result = await withProgress('Making the sample dataset', (signal, say) =>
      runTool(program, args, { signal, onMessage: say }),
    );
    if (result.code !== 0) throw new UserError(result.messages.trim() || 'the sample dataset could not be made');
    return { folder, datalist: result.output.trim() };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

export const makeSampleDatasetCommand: CommandDefinition = {
  id: 'voco.makeSampleDataset',
  async run(services, argument) {
    const root = requireFolder('Open a folder first: the sample dataset is written into it.').fsPath;
    const cases = await askCases();
    const made = await make(services, freeFolder(root), cases);
    services.walkthrough.done('data');
    if (argument === QUIETLY) return made;
    const start = 'New Experiment';
    void showInfo(`${counted(cases, 'case')} ${plural(cases, 'is', 'are')} in ${made.folder}.`, start).then(
      (choice) => {
        if (choice === start) void vscode.commands.executeCommand('voco.newExperiment', vscode.Uri.file(made.datalist));
      },
    );
    return made;
  },
};
