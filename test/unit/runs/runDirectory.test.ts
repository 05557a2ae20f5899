import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import {
  appendLog,
  createRun,
  isAlive,
  LifeSigns,
  listRuns,
  processStartTime,
  readResults,
  readRunConfig,
  readRunState,
  runFiles,
  RunStateFile,
  SILENCE_LIMIT_MS,
  writeResults,
  type RunState,
} from '../../../src/runs';
import { summarizeRun } from '../../../src/jobs/runSummary';
import { describeRun, shortText } from '../../../src/jobs/runText';
import { Ownership, signOfLife } from '../../../src/runs/ownership';
import { newRun, temporaryFolder } from './support';

describe('run directories', () => {
  test('are made with config and state, under a unique name', async () => {
    const root = join(temporaryFolder(), 'runs');
    const now = new Date(2026, 0, 2, 3, 4, 5);
    const options = { root, name: 'demo', kind: 'pretrain' as const, config: { seed: 1 }, totalSteps: 10, now };
    const dirs = await Promise.all([createRun(options), createRun(options), createRun(options)]);
    expect(dirs.map((dir) => basename(dir)).sort()).toEqual([
      'demo-20260102-030405',
      'demo-20260102-030405-2',
      'demo-20260102-030405-3',
    ]);
    expect(await readRunConfig(dirs[0]!)).toEqual({ seed: 1 });
    expect(await readRunState(dirs[0]!)).toMatchObject({ name: 'demo', state: 'queued', step: 0, totalSteps: 10 });
  });

  test('are listed newest first; other folders and broken ones are not runs', async () => {
    const root = temporaryFolder();
    expect(await listRuns(join(root, 'none'))).toEqual([]);
    const old = await createRun({ root, name: 'a', kind: 'pretrain', config: {}, totalSteps: 1, now: new Date(1e12) });
    const young = await createRun({
      root,
      name: 'b',
      kind: 'pretrain',
      config: {},
      totalSteps: 1,
      now: new Date(2e12),
    });
    mkdirSync(join(root, 'other'));
    writeFileSync(join(root, 'file'), '');
    mkdirSync(join(root, 'broken'));
    writeFileSync(join(root, 'broken/run.json'), '{');
    expect((await listRuns(root)).map(({ dir }) => dir)).toEqual([young, old]);
  });

  test.each(['', '{', 'null', '[]', '{}', '{"format":2,"name":"x","state":"running","step":1,"created":""}'])(
    'a state that is %j is refused in one line',
    async (text) => {
      const runDir = temporaryFolder();
      writeFileSync(runFiles(runDir).state, text);
      await expect(readRunState(runDir)).rejects.toThrow(UserError);
    },
  );

  test.each([
    ['resumedAt', 'x'],
    ['resumedAt', [1, 'x']],
    ['heldOut', 'dice'],
    ['heldOut', [0.5]],
    ['heldOut', { dice: '0.5', hd95: null }],
    ['totalSteps', '1e9'],
    ['pid', '1'],
    ['pid', -1],
    ['pid', 0],
    ['started', 7],
    ['started', 'yesterday'],
    ['ended', {}],
    ['heartbeat', false],
    ['loss', 'lots'],
    ['skipped', [1]],
    ['versions', 'x'],
    ['control', {}],
    ['initFrom', 3],
    ['configFile', ['a']],
    ['exitReason', { a: 1 }],
    ['device', null],
    ['host', 1],
  ])('a field of a wrong type is as if it were not there: %s %j', async (name, value) => {
    const runDir = await newRun(temporaryFolder());
    const state = JSON.parse(readFileSync(runFiles(runDir).state, 'utf8')) as object;
    writeFileSync(runFiles(runDir).state, JSON.stringify({ ...state, state: 'running', step: 5, [name]: value }));
    const left =
      name === 'totalSteps' ? 0 : name === 'heldOut' && !Array.isArray(value) && value !== 'dice' ? {} : undefined;
    expect((await readRunState(runDir))[name as keyof RunState]).toEqual(left);
    const run = await summarizeRun(runDir);
    expect(typeof describeRun(run) + typeof shortText(run)).toBe('stringstring');
  });

  test('what is shown of a state is one line that no terminal obeys; fields of later versions are kept', async () => {
    const runDir = await newRun(temporaryFolder());
    const state = JSON.parse(readFileSync(runFiles(runDir).state, 'utf8')) as object;
    const odd = { ...state, name: 'a\u001b[2J', exitReason: 'one\ntwo', later: [1] };
    writeFileSync(runFiles(runDir).state, JSON.stringify(odd));
    expect(await readRunState(runDir)).toMatchObject({
      name: String.raw`a\u001b[2J`,
      exitReason: 'one two',
      later: [1],
    });
  });

  test.each(['log.txt', 'metrics.jsonl', 'output.txt'])('%s that is a link is not written through', async (name) => {
    const [runDir, other] = [await newRun(temporaryFolder()), join(temporaryFolder(), 'precious')];
    writeFileSync(other, 'mine');
    symlinkSync(other, join(runDir, name));
    await expect((await RunStateFile.open(runDir)).claim()).rejects.toThrow(`${name}: a link`);
    expect(readFileSync(other, 'utf8')).toBe('mine');
  });

  test('a root that is a file gives one line', async () => {
    const root = join(temporaryFolder(), 'file');
    writeFileSync(root, '');
    await expect(newRun(root)).rejects.toThrow(/cannot make a run folder/);
  });

  test('the log has times, and keeps several lines together', async () => {
    const runDir = temporaryFolder();
    await appendLog(runDir, 'first\nsecond\n', new Date(0));
    await appendLog(runDir, 'third', new Date(0));
    expect(readFileSync(runFiles(runDir).log, 'utf8')).toBe(
      '1970-01-01T00:00:00.000Z first\n  second\n1970-01-01T00:00:00.000Z third\n',
    );
  });

  test('results are read back, and anything else is refused', async () => {
    const runDir = temporaryFolder();
    const scores = { dice: 0.9, hd95: null };
    const cases = [{ case: 'a', image: 'a.nii.gz', classes: [{ class: 1, name: 'spleen', scores }] }];
    const results = { format: 1 as const, units: { dice: '', hd95: 'mm' }, cases };
    await writeResults(runDir, results);
    expect(await readResults(runDir)).toEqual(results);
    writeFileSync(runFiles(runDir).results, '{}');
    await expect(readResults(runDir)).rejects.toThrow(UserError);
  });
});

describe('the state file', () => {
  test('many updates at once end in the last, and every one of them is on disk when it says so', async () => {
    const runDir = await newRun(temporaryFolder());
    const file = await RunStateFile.open(runDir);
    const updates = Array.from({ length: 50 }, async (_, i) => {
      await file.update({ step: i + 1, loss: i });
      expect((await readRunState(runDir)).step).toBeGreaterThanOrEqual(i + 1);
    });
    await Promise.all(updates);
    await file.update({ state: 'failed', loss: NaN, exitReason: 'loss is not a number' });
    expect(await readRunState(runDir)).toMatchObject({ step: 50, state: 'failed', loss: NaN });
    expect(readdirSync(runDir).sort()).toEqual(['config.json', 'run.json']);
  });

  test('claiming a run again removes how it ended', async () => {
    const runDir = await newRun(temporaryFolder());
    const first = await RunStateFile.open(runDir);
    await first.claim();
    await first.update({ state: 'failed', ended: new Date().toISOString(), exitReason: 'killed' });
    const second = await RunStateFile.open(runDir);
    await second.claim({ resumedAt: [10] });
    const state = await readRunState(runDir);
    expect(state).toMatchObject({ state: 'starting', pid: process.pid, host: hostname(), resumedAt: [10] });
    expect(state.started).toBe(first.state.started);
    expect(state).not.toHaveProperty('exitReason');
    expect(state).not.toHaveProperty('ended');
  });

  test('a run that another process works on cannot be claimed, and stays as it is', async () => {
    const runDir = await newRun(temporaryFolder());
    const other = await RunStateFile.open(runDir);
    const pidStart = (await processStartTime(process.ppid)) ?? '';
    const waiting = await RunStateFile.open(runDir);
    await other.update({ state: 'running', pid: process.ppid, pidStart, host: hostname(), step: 7 });
    await expect(waiting.claim({ step: 0 })).rejects.toThrow(/which you did not start, may work on this run/);
    expect(await readRunState(runDir)).toMatchObject({ state: 'running', step: 7, pid: process.ppid });
  });

  test('an update that could not be written is told, and the next works', async () => {
    const runDir = await newRun(temporaryFolder());
    const file = await RunStateFile.open(runDir);
    const broken = await RunStateFile.open(runDir);
    Object.assign(broken, { runDir: join(runDir, 'config.json') });
    await expect(broken.update({ step: 1 })).rejects.toThrow(UserError);
    await file.update({ step: 2 });
    expect((await readRunState(runDir)).step).toBe(2);
  });
});

describe('whether a run lives', () => {
  async function runOf(pid: number, more: Partial<RunState> = {}): Promise<[string, RunState]> {
    const runDir = await newRun(temporaryFolder());
    const pidStart = (await processStartTime(pid)) ?? 'gone';
    const state = await readRunState(runDir);
    return [runDir, { ...state, state: 'running', pid, pidStart, host: hostname(), ...more }];
  }

  test('this process does; not under another start time, nor once the run ended', async () => {
    expect(await isAlive(...(await runOf(process.pid)))).toBe(true);
    expect(await isAlive(...(await runOf(process.pid, { state: 'finished' })))).toBe(false);
    expect(await isAlive(...(await runOf(process.pid, { state: 'queued' })))).toBe(false);
    if (process.platform !== 'win32')
      expect(await isAlive(...(await runOf(process.pid, { pidStart: '1' })))).toBe(false);
  });

  test('a killed one does not, even before its parent has taken note', async () => {
    const child = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [grandchild] = (await once(child.stdout, 'data')) as [Buffer];
    const run = await runOf(child.pid!);
    expect(await isAlive(...run)).toBe(true);
    // The sleeping parent never waits for this one, so it stays a zombie.
    const orphan = await runOf(Number(grandchild.toString()));
    expect(await isAlive(...orphan)).toBe(true);
    process.kill(orphan[1].pid!, 'SIGKILL');
    await expect.poll(() => isAlive(...orphan)).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isAlive(...run)).toBe(false);
  });

  test('on another machine what it writes tells, not its clock', async () => {
    const far = new Date(Date.now() - 600_000);
    const [runDir, state] = await runOf(1, { host: 'elsewhere', heartbeat: far.toISOString() });
    expect(await isAlive(runDir, state)).toBe(true);
    utimesSync(runFiles(runDir).state, far, far);
    expect(await isAlive(runDir, state)).toBe(false);
    expect(await isAlive(...(await runOf(process.pid, { machine: 'another kernel' })))).toBe(true);
  });

  test('how long a run elsewhere is silent is told by the clock of the one that looks', async () => {
    let now = 0;
    const signs = new LifeSigns(() => now);
    const [runDir, state] = await runOf(1, { host: 'elsewhere', heartbeat: new Date().toISOString() });
    expect(await signs.silence(runDir, state)).toBeLessThan(SILENCE_LIMIT_MS);
    now = 40_000;
    expect(await signs.silence(runDir, state)).toBeGreaterThanOrEqual(40_000);
    writeFileSync(runFiles(runDir).metrics, '{"step":1}\n');
    expect(await signs.silence(runDir, state)).toBe(0);
    now = 41_000;
    expect(await signs.silence(runDir, { ...state, heartbeat: new Date(0).toISOString() })).toBe(0);
  });
});

describe('one run, one writer', () => {
  const OWNER = { token: 'other', host: 'cluster-7', machine: 'another kernel', pid: 7, pidStart: '' };
  const quick = { watchMs: 400 };

  /** A run that a trainer on another machine works on, or worked on: `beat` is its sign of life. */
  async function foreign() {
    const runDir = await newRun(temporaryFolder());
    const state = await readRunState(runDir);
    writeFileSync(runFiles(runDir).state, JSON.stringify({ ...state, state: 'running', pid: 7, host: 'cluster-7' }));
    writeFileSync(runFiles(runDir).owner, JSON.stringify(OWNER));
    let count = 0;
    const beat = () => writeFileSync(join(runDir, 'alive-other'), String(++count));
    beat();
    return { runDir, beat };
  }

  test('a run that gives signs of life elsewhere is refused, unless it is taken over', async () => {
    const { runDir, beat } = await foreign();
    const timer = setInterval(beat, 20);
    try {
      const file = await RunStateFile.open(runDir);
      const said: string[] = [];
      await expect(file.claim({}, { ...quick, say: (text) => said.push(text) })).rejects.toThrow(
        /process 7 on cluster-7.*--take-over/,
      );
      expect(said.join()).toMatch(/cluster-7 ran it last; looking for signs of life/);
      expect((await readRunState(runDir)).pid).toBe(7);
      await file.claim({}, { ...quick, takeOver: true });
      expect(await readRunState(runDir)).toMatchObject({ pid: process.pid, host: hostname() });
      await file.release();
    } finally {
      clearInterval(timer);
    }
  });

  test('a silent one is gone on with, also where it was put in the queue again', async () => {
    const { runDir } = await foreign();
    const file = await RunStateFile.open(runDir);
    await file.update({ state: 'queued' });
    const said: string[] = [];
    await file.claim({}, { ...quick, say: (text) => said.push(text) });
    expect(said).toEqual([
      expect.stringContaining('looking for signs of life'),
      expect.stringContaining('it is yours'),
    ]);
    expect(existsSync(join(runDir, 'alive-other'))).toBe(false);
    await file.release();
    expect(existsSync(runFiles(runDir).owner)).toBe(false);
  });

  test('who has lost a run writes nothing more, and says who has it', async () => {
    const runDir = await newRun(temporaryFolder());
    const file = await RunStateFile.open(runDir);
    await file.claim();
    writeFileSync(runFiles(runDir).owner, JSON.stringify(OWNER));
    await expect(file.update({ step: 5 })).rejects.toThrow(/process 7 on cluster-7 has taken this run over/);
    expect((await readRunState(runDir)).step).toBe(0);
    await expect(file.checkOwnedQuickly()).rejects.toThrow('taken this run over');
    await file.release();
    expect(existsSync(runFiles(runDir).owner)).toBe(true);
  });

  test('the thread beside a long step counts on, and notices by itself that the run was taken', async () => {
    const runDir = await newRun(temporaryFolder());
    const ownership = await Ownership.take(runDir, 20);
    const first = await signOfLife(runDir, undefined);
    await expect.poll(() => signOfLife(runDir, undefined)).not.toBe(first);
    writeFileSync(runFiles(runDir).owner, JSON.stringify(OWNER));
    const lost = () =>
      ownership.quickCheck().then(
        () => '',
        (error: Error) => error.message,
      );
    await expect.poll(lost).toMatch(/has taken this run over/);
    await ownership.release();
  });

  test('a directory that was moved away is not made anew', async () => {
    const runDir = await newRun(temporaryFolder());
    const file = await RunStateFile.open(runDir);
    await file.claim();
    renameSync(runDir, `${runDir}-moved`);
    await expect(file.update({ step: 5 })).rejects.toThrow(/moved or deleted/);
    expect(existsSync(runDir)).toBe(false);
    await file.release();
  });
});
