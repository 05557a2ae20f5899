import { rename } from 'node:fs/promises';
import * as vscode from 'vscode';
import { moveToTrash } from '../../jobs/control';
import { hasEnded, type RunSummary } from '../../jobs/runSummary';
import { Cancelled, type CommandDefinition } from '../shared/command';
import { pickRun } from './pickRun';
import { showInfo, showWarning } from '../shared/notify';

/** Moves a run to the system's trash where there is one; else beside the runs. @returns what undoes it, if anything does. */
async function discard(run: RunSummary): Promise<(() => Promise<void>) | undefined> {
  try {
    await vscode.workspace.fs.delete(vscode.Uri.file(run.dir), { recursive: true, useTrash: true });
    return undefined;
  } catch {
    // Servers have no trash.
    const moved = await moveToTrash(run);
    return () => rename(moved, run.dir);
  }
}

export const deleteRunCommand: CommandDefinition = {
  id: 'voco.deleteRun',
  async run(services, argument) {
    const run = await pickRun(services, argument, {
      title: 'Delete which run?',
      suits: hasEnded,
      none: 'No run has ended. Stop a run before deleting it.',
    });
    if (!hasEnded(run)) {
      void showWarning(`${run.label} is ${run.phase}. Stop it before deleting it.`);
      throw new Cancelled();
    }
    const question = `Delete ${run.label} with its checkpoints?`;
    const confirm = 'Move to Trash';
    if ((await showWarning(question, { modal: true, detail: run.dir }, confirm)) !== confirm) return;
    const undo = await discard(run);
    await services.registry.refresh(run.dir);
    if (!undo) return;
    const choice = 'Undo';
    void showInfo(`${run.label} was moved to the folder .trash beside it.`, choice).then(async (it) => {
      if (it !== choice) return;
      await undo();
      await services.registry.refresh(run.dir);
    });
  },
};
