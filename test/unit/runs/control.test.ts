import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import type { TrainerCommand, TrainerStatus } from '../../../src/protocol/trainer';
import { controlAddress, ControlServer, RunStateFile, sendCommand } from '../../../src/runs';
import { isAddressOf } from '../../../src/runs/socketAddress';
import { newRun, temporaryFolder } from './support';
import { needs, posix } from '../../support/needs';

const status: TrainerStatus = { state: 'running', step: 3, totalSteps: 10 };

async function serve(runDir: string, patienceMs?: number): Promise<{ server: ControlServer; got: TrainerCommand[] }> {
  const got: TrainerCommand[] = [];
  const server = await ControlServer.start(
    runDir,
    (command) => {
      got.push(command);
      if (command === 'pause') throw new UserError('cannot pause now');
      return { ...status, step: 3 + got.length };
    },
    patienceMs,
  );
  return { server, got };
}

/** Sends raw bytes and gives what comes back before the connection ends or falls silent. */
function raw(address: string, text: string): Promise<string> {
  return new Promise((done) => {
    let answer = '';
    const socket = connect(address, () => socket.write(text));
    socket.setTimeout(300, () => socket.destroy());
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => done(answer));
  });
}

describe('the control socket', () => {
  test('carries commands and their answers', async () => {
    const runDir = await newRun(temporaryFolder());
    const { server, got } = await serve(runDir);
    expect(await sendCommand(runDir, 'status')).toEqual({ ...status, step: 4 });
    // Two connections at once: which of them is served first is not said.
    const replies = await Promise.all([sendCommand(runDir, 'checkpoint'), sendCommand(runDir, 'stop')]);
    expect(replies.map(({ step }) => step).sort()).toEqual([5, 6]);
    await expect(sendCommand(runDir, 'pause')).rejects.toThrow(/pause: cannot pause now/);
    expect([...got].sort()).toEqual(['checkpoint', 'pause', 'status', 'stop']);
    if (process.platform !== 'win32') expect(statSync(server.address).mode & 0o077).toBe(0);
    await server.close();
    expect(existsSync(server.address)).toBe(false);
    await expect(sendCommand(runDir, 'status')).rejects.toThrow(/no trainer listens/);
  });

  test('answers nonsense with an error and goes on', async () => {
    const runDir = await newRun(temporaryFolder());
    const { server, got } = await serve(runDir);
    const answers = await raw(server.address, 'hello\n{"id":7,"command":"rm"}\nnull\n\n{"id":8,"command":"status"}\n');
    const replies = answers
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: number; ok: boolean; error?: string });
    expect(replies.map(({ id, ok }) => [id, ok])).toEqual([
      [0, false],
      [7, false],
      [0, false],
      [8, true],
    ]);
    expect(replies[1]!.error).toContain('pause, resume, checkpoint, stop, status');
    expect(await raw(server.address, 'x'.repeat(1_000_000))).toBe('');
    expect(got).toEqual(['status']);
    await server.close();
  });

  test('replaces a socket that a killed trainer left, but not that of a live one', async () => {
    const runDir = await newRun(temporaryFolder());
    const script = 'require("net").createServer().listen(process.argv[1],()=>process.kill(process.pid,"SIGKILL"))';
    expect(() => execFileSync(process.execPath, ['-e', script, controlAddress(runDir)], { stdio: 'ignore' })).toThrow();
    expect(existsSync(controlAddress(runDir))).toBe(process.platform !== 'win32');
    await expect(sendCommand(runDir, 'status')).rejects.toThrow(/no trainer listens/);
    const { server } = await serve(runDir);
    await expect(serve(runDir, 300)).rejects.toThrow(/another trainer works in/);
    expect(await sendCommand(runDir, 'status')).toMatchObject({ state: 'running' });
    await server.close();
  });

  async function longRun(): Promise<string> {
    const root = join(temporaryFolder(), 'long'.repeat(20), 'é'.repeat(30));
    mkdirSync(root, { recursive: true });
    return newRun(root);
  }

  test('lies in a folder of this user alone when the run folder has a long path', async () => {
    const runDir = await longRun();
    const { server } = await serve(runDir);
    const folder = dirname(server.address);
    if (process.platform !== 'win32') {
      expect(folder).toBe(join(process.env.VOCO_STATE_DIR!, 'sockets'));
      expect(statSync(folder).mode & 0o777).toBe(0o700);
    }
    await (await RunStateFile.open(runDir)).update({ control: server.address });
    expect(await sendCommand(runDir, 'status')).toMatchObject({ totalSteps: 10 });
    await server.close();
  });

  needs(posix).test('lies in another such folder where that one cannot be made', async () => {
    const runDir = await longRun();
    const before = process.env.VOCO_STATE_DIR;
    process.env.VOCO_STATE_DIR = '/dev/null/state';
    try {
      const { server } = await serve(runDir);
      const folder = dirname(server.address);
      expect(folder).toBe(join(tmpdir(), `voco-${process.getuid!()}`));
      expect(statSync(folder).mode & 0o777).toBe(0o700);
      expect(await isAddressOf(runDir, server.address)).toBe(true);
      chmodSync(folder, 0o777);
      expect(await isAddressOf(runDir, server.address)).toBe(false);
      chmodSync(folder, 0o700);
      await server.close();
    } finally {
      process.env.VOCO_STATE_DIR = before;
    }
  });

  test('an address that a run directory tells is not taken on trust', async () => {
    const runDir = await newRun(temporaryFolder());
    let heard = 0;
    const stranger = createServer(() => heard++).listen(join(temporaryFolder(), 'agent.sock'));
    await (await RunStateFile.open(runDir)).update({ control: String(stranger.address()) });
    await expect(sendCommand(runDir, 'stop')).rejects.toThrow(/no trainer listens/);
    expect(heard).toBe(0);
    stranger.close();
  });

  test('a trainer that does not answer is given up on', async () => {
    const runDir = await newRun(temporaryFolder());
    const silent = createServer().listen(controlAddress(runDir));
    await expect(sendCommand(runDir, 'stop', { timeoutMs: 200 })).rejects.toThrow(/does not answer/);
    silent.close();
  });
});
