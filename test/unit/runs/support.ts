import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { createRun } from '../../../src/runs';

/** A new folder for each call, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'voco-runs-'));
  folders.push(folder);
  return folder;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function newRun(root: string, name = 'trial'): Promise<string> {
  return createRun({ root, name, kind: 'pretrain', config: { name }, totalSteps: 100 });
}
