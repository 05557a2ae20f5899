import * as vscode from 'vscode';
import type { RunChange } from '../../jobs/runRegistry';
import { lastLogLines, type RunSummary } from '../../jobs/runSummary';
import type { RunKind } from '../../runs/runDirectory';
import type { Services } from '../services';
import { studyOf } from '../../jobs/studyOf';
import { showError, showInfo } from '../shared/notify';

const CURVES = 'Show Curves';
const LOG = 'Show Log';
const RESUME = 'Resume';
const EVALUATE = 'Evaluate';
const RESULTS = 'Show Results';
const COMMANDS: Record<string, string> = {
  [CURVES]: 'voco.showCurves',
  [LOG]: 'voco.showLog',
  [RESUME]: 'voco.resume',
  [EVALUATE]: 'voco.evaluate',
  [RESULTS]: 'voco.showResults',
};

/** What to do with a finished run. */
const NEXT: Record<RunKind, readonly string[]> = {
  pretrain: [CURVES, LOG],
  finetune: [EVALUATE, CURVES],
  evaluate: [RESULTS],
  segment: [LOG],
  study: [RESULTS],
};

function lead(run: RunSummary, choice: string | undefined): void {
  if (choice) void vscode.commands.executeCommand(COMMANDS[choice]!, run.dir);
}

async function failed({ log }: Services, run: RunSummary): Promise<void> {
  const lines = await lastLogLines(run.dir, 20);
  log.error(`${run.dir}: failed: ${run.reason ?? 'no reason given'}`);
  for (const line of lines) log.error(`  ${line}`);
  const text = `${run.label} failed: ${run.reason ?? lines.at(-1) ?? 'no reason given'}`;
  lead(run, await showError(text, LOG, RESUME));
}

async function tell(services: Services, { run, from }: RunChange): Promise<void> {
  // A run that was only found, as after a reload, is no news.
  if (from === undefined) return;
  // One notification for the study, instead of one for each of its fine-tunings.
  if (studyOf(services.registry, run)) return;
  const { kind } = run.state;
  // An evaluation shows its progress in the results panel.
  const began = kind !== 'evaluate' && run.phase === 'running' && (from === 'starting' || from === 'queued');
  if (began) lead(run, await showInfo(`${run.label} is training.`, CURVES));
  else if (run.phase === 'finished') lead(run, await showInfo(`${run.label} is finished.`, ...NEXT[kind]));
  else if (run.phase === 'interrupted')
    lead(run, await showInfo(`${run.label} was stopped at step ${run.state.step}.`, RESUME));
  else if (run.phase === 'failed') await failed(services, run);
}

/** Tells of runs that began, finished, were stopped or failed while this window was open. */
export function announceRuns(services: Services): vscode.Disposable {
  const subscription = services.registry.onDidChangePhase((change) => void tell(services, change));
  return new vscode.Disposable(() => subscription.dispose());
}
