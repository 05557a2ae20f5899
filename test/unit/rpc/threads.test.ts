import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { ClosedError } from '../../../src/rpc';
import { connectThread } from '../../../src/rpc/threads';
import type { EchoCalls } from './echoThread';

const folder = mkdtempSync(join(tmpdir(), 'voco-rpc-'));
const script = join(folder, 'echoThread.cjs');

beforeAll(() =>
  build({
    entryPoints: [join(import.meta.dirname, 'echoThread.ts')],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'cjs',
  }),
);
afterAll(() => rmSync(folder, { recursive: true }));

const start = () => connectThread<EchoCalls>({ script, name: 'echo' });

describe('a thread', () => {
  it('answers calls and sends errors back as what they are', async () => {
    const thread = start();
    expect(await Promise.all([1, 2, 3].map((n) => thread.call('twice', [n])))).toEqual([2, 4, 6]);
    const error: unknown = await thread.call('fail', []).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ message: 'scan.nii: is damaged', exitCode: 2 });
    await thread.close();
  });

  it('takes buffers over and gives them back', async () => {
    const thread = start();
    const array = new Float32Array(5);
    const filled = await thread.call('fill', [array], { transfer: [array.buffer] });
    expect([...filled]).toEqual([7, 7, 7, 7, 7]);
    expect(array.length).toBe(0);
    await thread.close();
  });

  it('that ends rejects the calls that wait, and all later ones', async () => {
    const thread = start();
    const waiting = expect(thread.call('never', [])).rejects.toThrow(ClosedError);
    const last = expect(thread.call('leave', [])).rejects.toThrow(
      'echo: the worker thread ended unexpectedly (code 3)',
    );
    await Promise.all([waiting, last]);
    await expect(thread.call('twice', [1])).rejects.toThrow(ClosedError);
  });

  it('that dies of an error rejects with that', async () => {
    const thread = start();
    const waiting = expect(thread.call('never', [])).rejects.toThrow('a defect outside any call');
    expect(await thread.call('crash', [])).toBe(1);
    await waiting;
  });

  it('that cannot be started rejects with the reason', async () => {
    const thread = connectThread<EchoCalls>({ script: join(folder, 'none.cjs'), name: 'none' });
    await expect(thread.call('twice', [1])).rejects.toThrow(/none\.cjs/);
  });

  it('that is closed rejects the calls that wait', async () => {
    const thread = start();
    const waiting = expect(thread.call('never', [])).rejects.toThrow(ClosedError);
    await Promise.all([waiting, thread.close()]);
  });

  it('that runs out of memory says what was too large', async () => {
    const tooLarge = 'This volume is too large.';
    const hungry = join(import.meta.dirname, 'hungryThread.mjs');
    const thread = connectThread<EchoCalls>({ script: hungry, name: 'hungry', tooLarge });
    await expect(thread.call('twice', [1])).rejects.toThrow(new UserError(tooLarge));
  });
});
