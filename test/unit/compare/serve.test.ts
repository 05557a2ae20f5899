import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { toolServer } from '../../../src/jobs/toolServer';
import type { CompareCalls, Comparison } from '../../../src/protocol/comparison';
import { useDevice } from '../../../src/tensor/backends';
import type { CallContext } from '../../../src/rpc';
import { serveLines } from '../../../src/rpc/lines';
import type { AnswerMessage } from '../../../src/rpc/messages';
import { readVolume } from '../../../src/volume';
import { killChildren, makeTinyPhantom, startVoco, trainingDevice, voco } from '../../support/trainer';
import { segmentationConfig, untrainedSegmenter } from './support';
import { eventually } from '../../support/eventually';

const root = mkdtempSync(join(tmpdir(), 'voco-compare-serve-'));
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

let device: string;
let files: string[];

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
  await useDevice(device, { threads: 1 });
  const config = (name: string, seed: number) => segmentationConfig(root, name, device, { seed });
  files = [await untrainedSegmenter(config('a', 1)), await untrainedSegmenter(config('b', 2))];
});

afterAll(() => {
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

describe('calls by lines', () => {
  type Line = AnswerMessage;
  interface Served {
    twice: { params: { value: number }; result: number };
    fail: { params: object; result: never };
    wait: { params: object; result: unknown };
  }

  /** Serves two methods: one answers at once, one only when it is cancelled. */
  function served() {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const lines: Line[] = [];
    let text = '';
    output.on('data', (chunk: Buffer) => {
      const parts = (text + chunk.toString()).split('\n');
      text = parts.pop()!;
      lines.push(...parts.map((line) => JSON.parse(line) as Line));
    });
    const methods = {
      twice: async ({ value }: { value: number }) => 2 * value,
      fail: async () => Promise.reject(new UserError('x.nii: is not there')),
      wait: (_: object, { signal }: CallContext) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    };
    const ended = serveLines<Served>(methods, input, output);
    const say = (...texts: (string | object)[]): void => {
      for (const line of texts) input.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    };
    return { input, lines, ended, say };
  }

  it('that are malformed get an error each, and the next is answered', async () => {
    const { input, lines, ended, say } = served();
    say('{"id": 1,', '', '[1, 2]', '7', 'null', { method: 'twice' }, { id: 2, method: 'gone', params: {} });
    say({ id: 3, method: 'toString', params: {} }, { id: 4, method: 'twice' }, { cancel: 99 });
    say({ id: 5, method: 'twice', params: { value: 21 } }, { id: 6, method: 'fail', params: {} });
    input.end();
    await ended;
    const errors = lines.filter((line) => line.id === null);
    expect(errors).toHaveLength(5);
    expect(errors[0]).toMatchObject({ ok: false, error: { message: expect.stringContaining('not a call') } });
    const answer = (id: number) => lines.find((line) => line.id === id);
    expect(answer(2)).toMatchObject({
      ok: false,
      error: { message: expect.stringMatching(/no method "gone"; .*twice/) },
    });
    expect(answer(3)).toMatchObject({ ok: false });
    expect(answer(4)).toMatchObject({ ok: false, error: { message: expect.stringContaining('needs an object') } });
    expect(answer(5)).toEqual({ id: 5, ok: true, value: 42 });
    expect(answer(6)).toEqual({ id: 6, ok: false, error: { message: 'x.nii: is not there', user: true } });
    expect(lines).toHaveLength(10);
  });

  it('are dropped when they are cancelled, and when the input ends', async () => {
    const { input, lines, ended, say } = served();
    say({ id: 1, method: 'wait', params: {} }, { id: 2, method: 'wait', params: {} }, { cancel: 1 });
    await eventually(() => expect(lines).toHaveLength(1));
    expect(lines[0]).toMatchObject({ id: 1, ok: false, error: { message: expect.stringMatching(/abort/) } });
    input.end();
    await ended;
    expect(lines[1]).toMatchObject({ id: 2, ok: false });
  });
});

describe('voco compare --serve', () => {
  it('compares, lists cases, predicts with progress, and can be cancelled', async () => {
    const node = { command: process.execPath, env: {}, version: process.versions.node, source: 'path' as const };
    const script = join(import.meta.dirname, '../../../dist/voco.cjs');
    const program = () => Promise.resolve({ node, script, env: process.env });
    const server = toolServer<CompareCalls>(program, () => ['compare', '--serve', '--device', device]);
    try {
      const comparison = await server.call('compare', { files });
      expect(comparison.config.map(({ path }) => path)).toEqual(['name', 'seed']);
      expect(await server.call('compare', { files })).toEqual(comparison);
      const { cases } = await server.call('cases', { files });
      const { image } = cases[0]!;
      const controller = new AbortController();
      const options = { signal: controller.signal, onProgress: () => controller.abort() };
      await expect(server.call('features', { files, image, crops: 200 }, options)).rejects.toThrow(/abort/i);
      const progress: number[] = [];
      const tell = { onProgress: ({ done, total }: { done: number; total: number }) => progress.push(done / total) };
      const [one, two] = await Promise.all([
        server.call('predict', { file: files[0]!, image }, tell),
        server.call('predict', { file: files[1]!, image }),
      ]);
      expect([one.from, two.from]).toEqual(['computed', 'computed']);
      expect(progress.at(-1)).toBe(1);
      expect((await readVolume(one.file)).volume.shape).toEqual((await readVolume(image[0]!)).volume.shape);
      await expect(server.call('predict', { file: join(root, 'a.voco.json'), image })).rejects.toThrow(UserError);
      const features = await server.call('features', { files, image, crops: 2 });
      expect(features.stages).toHaveLength(5);
    } finally {
      server.dispose();
    }
  });

  it('ends when its input does, also in the midst of work', async () => {
    const { child, finished } = startVoco(['compare', '--serve', '--device', device], root, {}, 'pipe');
    const image = [join(root, 'phantom/imagesTr/img0001.nii.gz')];
    const call = { id: 1, method: 'features', params: { files, image, crops: 256 } };
    child.stdin!.write(`${JSON.stringify(call)}\n`);
    await new Promise<void>((done) => child.stdout!.once('data', () => done()));
    child.stdin!.end();
    const { code, stdout, stderr } = await finished;
    expect(code, stderr).toBe(0);
    const last = JSON.parse(stdout.trim().split('\n').at(-1)!) as AnswerMessage;
    expect(last).toMatchObject({ id: 1, ok: false });
  });
});

describe('voco compare', () => {
  it('measures features with --features, for people and as JSON', async () => {
    const image = join(root, 'phantom/imagesTr/img0002.nii.gz');
    const args = ['compare', ...files, '--features', '--image', image, '--crops', '3', '--device', device];
    const { code, stdout, stderr } = await voco(args, root);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('Features on 3 crops of 32×32×32 voxels');
    const json = await voco([...args, '--json'], root);
    const { features, config } = JSON.parse(json.stdout) as Comparison;
    expect(config.map(({ path }) => path)).toEqual(['name', 'seed']);
    expect(features!.image).toEqual([image]);
    const { cka, debiased } = features!.stages[2]!;
    const value = `${cka[0]![1]!.toFixed(3)} \\(${debiased[0]![1]!.toFixed(3)}\\)`;
    expect(stdout).toMatch(new RegExp(`stride 4 +192 +16, 16 +${value}`));
  });

  it('says what is wrong in a line', async () => {
    const wrong = async (args: string[], code: number, pattern: RegExp): Promise<void> => {
      const result = await voco(['compare', ...args], root);
      expect(result.stderr.trim().split('\n').at(-1)).toMatch(pattern);
      expect(result.code).toBe(code);
    };
    await wrong([...files, '--crops', '4'], 2, /--crops is for --features/);
    await wrong([...files, '--features', '--crops', '0'], 2, /--crops must be a whole number/);
    await wrong([files[0]!, join(root, 'a.voco.json')], 1, /a\.voco\.json/);
    await wrong([...files, '--features', '--image', 'none.nii', '--device', device], 1, /none\.nii: /);
  });
});
