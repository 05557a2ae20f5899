import * as vscode from 'vscode';
import type { RunSummary } from '../../jobs/runSummary';
import type { Services } from '../services';
import { describeRun } from '../../jobs/runText';
import { Cancelled, requireFolder } from '../shared/command';
import { plainItem, showInfo } from '../shared/notify';

export interface RunQuestion {
  readonly title: string;
  /** Which runs the command is for. */
  readonly suits: (run: RunSummary) => boolean;
  /** What to say when there is none. */
  readonly none: string;
}

/** What key bindings pass: the run that is selected in the view. */
const SELECTION = 'selection';

/** The run directory that a menu, key binding or button names. */
export function runDirOf(services: Services, argument: unknown): string | undefined {
  const dir = (argument as { run?: { dir?: unknown } } | undefined)?.run?.dir ?? argument;
  const path = dir === SELECTION ? services.selection.run : dir;
  return typeof path === 'string' ? path : undefined;
}

/** The run that a menu names, or the one the user picks; the only one that suits is taken without asking. */
export async function pickRun(services: Services, argument: unknown, question: RunQuestion): Promise<RunSummary> {
  const dir = runDirOf(services, argument);
  const given = dir === undefined ? undefined : services.registry.get(dir);
  if (given) return given;
  await services.finder.start();
  const runs = services.registry.runs.filter(question.suits);
  if (runs.length === 0) {
    if (services.registry.runs.length === 0) requireFolder('Open a folder first: VoCo looks for runs in it.');
    await offerPretrain(services.registry.runs.length === 0 ? 'There are no runs in this folder yet.' : question.none);
    throw new Cancelled();
  }
  if (runs.length === 1) return runs[0]!;
  const items = runs.map((run) => plainItem({ label: run.label, description: describeRun(run), run }));
  const choice = await vscode.window.showQuickPick(items, { title: question.title, matchOnDescription: true });
  if (!choice) throw new Cancelled();
  return choice.run;
}

async function offerPretrain(text: string): Promise<void> {
  const start = 'Pre-train';
  void showInfo(text, start).then((choice) => {
    if (choice === start) void vscode.commands.executeCommand('voco.pretrain');
  });
}
