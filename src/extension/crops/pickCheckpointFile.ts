import { basename } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { taskOfCheckpoint } from '../../jobs/cropQuestions';
import type { CheckpointItem } from '../../protocol/crops';
import { runLabel } from '../../runs/runDirectory';
import { readSafetensorsHeader } from '../../runs/safetensors';

/** Asks for a checkpoint file. @throws UserError if it is not a pre-training checkpoint */
export async function pickCheckpointFile(): Promise<CheckpointItem | null> {
  const filters = { Checkpoints: ['safetensors'] };
  const [chosen] = (await vscode.window.showOpenDialog({ title: 'Ask which checkpoint?', filters })) ?? [];
  if (!chosen) return null;
  const { metadata } = await readSafetensorsHeader(chosen.fsPath);
  if (metadata.kind !== 'pretrain')
    throw new UserError(
      `${chosen.fsPath}: is not a pre-training checkpoint; choose a step-….safetensors of a pre-training run`,
    );
  const run = metadata.name ?? runLabel(basename(chosen.fsPath));
  const task = taskOfCheckpoint(metadata);
  return { file: chosen.fsPath, run, step: Number(metadata.step), ...(task && { task }) };
}
