import * as vscode from 'vscode';
import type { RunSummary } from '../../jobs/runSummary';
import { listCheckpoints, type CheckpointInfo } from '../../runs/checkpoint';
import { Cancelled } from '../shared/command';
import { scoreTexts } from '../../jobs/runText';
import { plainItem } from '../shared/notify';

export interface CheckpointChoice extends vscode.QuickPickItem {
  /** Absent: none. */
  readonly file?: string;
}

export interface CheckpointQuestion {
  readonly title: string;
  /** Offer only the newest checkpoint of each run. */
  readonly newestOnly?: boolean;
  /** Offered after the checkpoints: no file. */
  readonly last?: CheckpointChoice;
}

const OTHER: CheckpointChoice = { label: '$(folder-opened) Another checkpoint…' };

/** The checkpoint that a menu of the runs view belongs to. */
export function checkpointOf(argument: unknown): string | undefined {
  const file = (argument as { checkpoint?: { file?: unknown } } | undefined)?.checkpoint?.file;
  return typeof file === 'string' ? file : undefined;
}

async function choicesOf(run: RunSummary, newestOnly: boolean): Promise<CheckpointChoice[]> {
  const { checkpoints } = await listCheckpoints(run.dir);
  const newestFirst = [...checkpoints].reverse().slice(0, newestOnly ? 1 : undefined);
  return newestFirst.map(({ file, step, metrics }: CheckpointInfo) => {
    const description = [`step ${step}`, ...scoreTexts(metrics)].join(' · ');
    return plainItem({ label: run.label, description, file }, 'archive');
  });
}

async function browse(title: string): Promise<string> {
  const picked = await vscode.window.showOpenDialog({
    title,
    filters: { Checkpoints: ['safetensors'], 'All files': ['*'] },
  });
  if (!picked?.[0]) throw new Cancelled();
  return picked[0].fsPath;
}

/** Lets the user pick a checkpoint of runs, or another file. @returns undefined for none, where that was offered */
export async function pickCheckpoint(
  runs: readonly RunSummary[],
  { title, newestOnly = false, last }: CheckpointQuestion,
): Promise<string | undefined> {
  const found = Promise.all(runs.map((run) => choicesOf(run, newestOnly)));
  const items = found.then((lists): CheckpointChoice[] => [...lists.flat(), ...(last ? [last] : []), OTHER]);
  const choice = await vscode.window.showQuickPick(items, { title, matchOnDescription: true });
  if (!choice) throw new Cancelled();
  return choice === OTHER ? browse(title) : choice.file;
}
