import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import {
  checkpointFile,
  latestCheckpoint,
  listCheckpoints,
  readCheckpoint,
  saveCheckpoint,
  writeSafetensors,
  type CheckpointState,
} from '../../../src/runs';
import { temporaryFolder } from './support';

function state(step: number, metrics: Record<string, number> = {}, size = 4): CheckpointState<Float32Array> {
  const data = Float32Array.from({ length: size }, (_, i) => step + i);
  return {
    step,
    metrics,
    metadata: { config: '{"a":1}' },
    tensors: [{ name: 'w', dtype: 'F32', shape: [size], data }],
  };
}

const names = (runDir: string) => readdirSync(join(runDir, 'checkpoints')).sort();

describe('checkpoints', () => {
  test('are read back as they were, non-finite metrics included', async () => {
    const runDir = temporaryFolder();
    const metrics = { loss: 0.5, accuracy: NaN, best: -Infinity };
    const file = await saveCheckpoint(runDir, state(1000, metrics));
    expect(file).toBe(join(runDir, 'checkpoints/step-00001000.safetensors'));
    const read = await readCheckpoint(file);
    expect(read).toMatchObject({ step: 1000, metrics, tensors: state(1000).tensors });
    expect(read.metadata.config).toBe('{"a":1}');
  });

  test('nothing is deleted in a linked folder, and no linked checkpoint', async () => {
    const [mine, other] = [temporaryFolder(), temporaryFolder()];
    for (const step of [1, 2]) await saveCheckpoint(other, state(step));
    symlinkSync(join(other, 'checkpoints'), join(mine, 'checkpoints'));
    await saveCheckpoint(mine, state(3), { keepLast: 1 });
    expect(names(other)).toHaveLength(3);

    const third = temporaryFolder();
    for (const step of [1, 2]) await saveCheckpoint(third, state(step));
    const kept = join(third, 'kept.safetensors');
    renameSync(checkpointFile(third, 1), kept);
    symlinkSync(kept, checkpointFile(third, 1));
    await saveCheckpoint(third, state(3), { keepLast: 1 });
    expect(names(third)).toEqual(['step-00000001.safetensors', 'step-00000003.safetensors']);
  });

  test('the last N and the best are kept', async () => {
    const runDir = temporaryFolder();
    const losses = [5, 1, NaN, 4, 3, 6];
    for (const [i, loss] of losses.entries()) {
      const retention = { keepLast: 2, best: { metric: 'loss', goal: 'min' as const } };
      await saveCheckpoint(runDir, state(100 * (i + 1), { loss }), retention);
    }
    const { checkpoints } = await listCheckpoints(runDir);
    expect(checkpoints.map(({ step }) => step)).toEqual([200, 500, 600]);
    await saveCheckpoint(runDir, state(700, { loss: 9 }), { keepLast: 1, best: { metric: 'loss', goal: 'max' } });
    expect(names(runDir)).toEqual(['step-00000700.safetensors']);
    await saveCheckpoint(runDir, state(800), { keepLast: 1, best: { metric: 'loss', goal: 'max' } });
    expect(names(runDir)).toEqual(['step-00000700.safetensors', 'step-00000800.safetensors']);
  });

  test('the one just written stays even when later ones are there', async () => {
    const runDir = temporaryFolder();
    await saveCheckpoint(runDir, state(900));
    await saveCheckpoint(runDir, state(100), { keepLast: 1 });
    expect(names(runDir)).toEqual(['step-00000100.safetensors', 'step-00000900.safetensors']);
  });

  test('the latest skips what cannot be read, and says so; leftovers go with the next', async () => {
    const runDir = temporaryFolder();
    expect(await latestCheckpoint(runDir)).toBeUndefined();
    await saveCheckpoint(runDir, state(100));
    await saveCheckpoint(runDir, state(200));
    truncateSync(checkpointFile(runDir, 200), 150);
    await writeSafetensors(checkpointFile(runDir, 300), [], { format: 'pt' });
    writeFileSync(`${checkpointFile(runDir, 400)}.1-1.tmp`, 'half');
    const warnings: string[] = [];
    expect((await latestCheckpoint(runDir, (message) => warnings.push(message)))?.step).toBe(100);
    expect(warnings.join('\n')).toMatch(/step-00000200\.safetensors: .*cut short/);
    expect(warnings.join('\n')).toMatch(/step-00000300\.safetensors: not a checkpoint/);
    await expect(readCheckpoint(checkpointFile(runDir, 300))).rejects.toThrow(UserError);
    await saveCheckpoint(runDir, state(500), { keepLast: 5 });
    expect(names(runDir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('a folder that cannot be written gives one line', async () => {
    const runDir = temporaryFolder();
    writeFileSync(join(runDir, 'checkpoints'), 'a file');
    await expect(saveCheckpoint(runDir, state(1))).rejects.toThrow(UserError);
  });
});

/** A file system of 1 MB, when this machine lets us mount one. */
function mountSmallDisk(folder: string): string | undefined {
  mkdirSync(folder);
  const result = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { encoding: 'utf8' });
  return result.status === 0 ? undefined : (result.stderr ?? String(result.error)).trim() || 'no mount command';
}

test('a full disk: one line, old checkpoints intact, nothing half-written', async (context) => {
  const runDir = join(temporaryFolder(), 'disk');
  const refused = mountSmallDisk(runDir);
  if (refused !== undefined) {
    console.warn(`full-disk test skipped, since a small tmpfs cannot be mounted here: ${refused}`);
    return context.skip();
  }
  try {
    const first = await saveCheckpoint(runDir, state(1, {}, 100_000));
    const before = readFileSync(first);
    const failure: unknown = await saveCheckpoint(runDir, state(2, {}, 200_000), { keepLast: 1 }).catch(
      (e: unknown) => e,
    );
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toMatch(/step-00000002\.safetensors: cannot write the file: no space left/);
    expect(names(runDir)).toEqual([basename(first)]);
    expect(readFileSync(first).equals(before)).toBe(true);
    await saveCheckpoint(runDir, state(3, {}, 50_000), { keepLast: 1 });
    expect(names(runDir)).toEqual(['step-00000003.safetensors']);
  } finally {
    spawnSync('umount', [runDir]);
  }
});
