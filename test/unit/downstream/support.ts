import { cpSync, mkdtempSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { listCheckpoints } from '../../../src/runs';
import { killChildren } from '../../support/trainer';

export type Json = Record<string, unknown>;

export const quiet = (): void => undefined;

/** A folder for the runs of a test file; at its end it is removed, and processes that the file started are stopped. */
export function runsFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `voco-${name}-`));
  afterAll(() => {
    killChildren();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Writes the config of a fine-tuning on one thread with runs in `folder`/runs, and returns its file. */
export function writeFinetune(folder: string, name: string, settings: Json): string {
  const file = join(folder, `${name}.voco.json`);
  const base = { kind: 'finetune', name, threads: 1, output: 'runs' };
  writeFileSync(file, JSON.stringify({ ...base, ...settings }));
  return file;
}

/** A copy of a finished run as a kill one step after the checkpoint of `step` would have left it. */
export async function killedAfter(runDir: string, step: number): Promise<string> {
  const copy = `${runDir}-from-${step}`;
  cpSync(runDir, copy, { recursive: true });
  const { checkpoints } = await listCheckpoints(copy);
  for (const { file } of checkpoints.filter((checkpoint) => checkpoint.step > step)) unlinkSync(file);
  const metrics = join(copy, 'metrics.jsonl');
  const lines = readFileSync(metrics, 'utf8').split('\n');
  writeFileSync(metrics, `${lines.slice(0, step + 1).join('\n')}\n${lines[step + 1]!.slice(0, 40)}`);
  return copy;
}
