import * as vscode from 'vscode';
import { controlRun, killRun, stopRun, waitForEnd } from '../../jobs/control';
import { hasEnded, type RunSummary } from '../../jobs/runSummary';
import { withProgress, type CommandDefinition } from '../shared/command';
import { withoutIcons } from '../../text';
import { pickRun } from './pickRun';
import { announceQueued } from '../shared/submit';
import { showWarning } from '../shared/notify';

const STOP_PATIENCE_MS = 120_000;

export const pauseCommand: CommandDefinition = {
  id: 'voco.pause',
  async run(services, argument) {
    const run = await pickRun(services, argument, {
      title: 'Pause which run?',
      suits: (one) => one.phase === 'running' && one.here,
      none: 'No run is training, so there is nothing to pause.',
    });
    await controlRun(run, 'pause');
    await services.registry.refresh(run.dir);
  },
};

export const resumeCommand: CommandDefinition = {
  id: 'voco.resume',
  async run(services, argument) {
    const run = await pickRun(services, argument, {
      title: 'Resume which run?',
      suits: (one) => one.here && ['pausing', 'paused', 'failed', 'interrupted'].includes(one.phase),
      none: 'No run is paused, stopped or failed, so there is nothing to resume.',
    });
    if (run.live) {
      await controlRun(run, 'resume');
      await services.registry.refresh(run.dir);
      return;
    }
    if (run.foreign !== undefined && !(await adopts(run))) return;
    if (run.foreign === undefined && run.lostOn !== undefined && !(await takesOver(run.label, run.lostOn))) return;
    await services.program();
    await services.launcher.resume(run);
    announceQueued(services, run.dir);
  },
};

const RESUME = 'Resume Here';

/** Asks whether a run from elsewhere is to go on as an own one. */
async function adopts({ label, dir, foreign, lostOn }: RunSummary): Promise<boolean> {
  const other = lostOn === undefined ? '' : ` If its trainer still works on ${lostOn}, it stops.`;
  const detail = `${foreign}.\nResuming trains with the config in ${dir}, and makes the run yours.${other}`;
  return (await showWarning(`${label} comes from elsewhere.`, { modal: true, detail }, RESUME)) === RESUME;
}

/** Asks whether a run that another machine may still work on is to go on here. */
async function takesOver(label: string, host: string): Promise<boolean> {
  const answer = await showWarning(
    `${label} was trained on ${host}, which gives no sign of life.`,
    { modal: true, detail: `If its trainer still works there, it stops when this machine takes the run over.` },
    RESUME,
  );
  return answer === RESUME;
}

export const checkpointCommand: CommandDefinition = {
  id: 'voco.checkpoint',
  async run(services, argument) {
    const run = await pickRun(services, argument, {
      title: 'Write a checkpoint of which run?',
      suits: (one) => one.here && ['running', 'pausing', 'paused'].includes(one.phase),
      none: 'No run is training, so there is nothing to save.',
    });
    const status = await controlRun(run, 'checkpoint');
    void vscode.window.setStatusBarMessage(
      `VoCo: checkpoint of ${withoutIcons(run.label)} at step ${status.step}`,
      5000,
    );
    await services.registry.refresh(run.dir);
  },
};

export const stopCommand: CommandDefinition = {
  id: 'voco.stop',
  async run(services, argument) {
    const run = await pickRun(services, argument, {
      title: 'Stop which run?',
      suits: (one) => one.here && !hasEnded(one),
      none: 'No run is training or waiting, so there is nothing to stop.',
    });
    await stopRun(run);
    // Cancelling ends the waiting; the run stops all the same.
    const ended = await withProgress(`Stopping ${run.label}: writing a checkpoint`, (signal) =>
      waitForEnd(run.dir, STOP_PATIENCE_MS, signal),
    );
    const now = await services.registry.refresh(run.dir);
    if (ended || !now) return;
    const kill = 'End It Now';
    const text = `${run.label} has not stopped yet. Ending it now loses the steps since its last checkpoint.`;
    if ((await showWarning(text, kill)) === kill) await killRun(now);
  },
};
