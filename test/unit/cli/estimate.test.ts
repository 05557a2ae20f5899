import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { presetText } from '../../../src/config';
import { cacheStatus } from '../../../src/data/cache';
import { makeTaskPhantom } from '../../../src/data/phantom';
import type { RunEstimate } from '../../../src/protocol/estimate';
import { estimateTraining } from '../../../src/train';
import { killChildren, makeTinyPhantom, trainingDevice, voco, writeConfig } from '../../support/trainer';

const root = mkdtempSync(join(tmpdir(), 'voco-estimate-'));
let device: string;

vi.setConfig({ testTimeout: 120_000 });

beforeAll(async () => {
  await makeTinyPhantom(root);
  device = await trainingDevice();
});

afterAll(() => {
  killChildren();
  rmSync(root, { recursive: true, force: true });
});

describe('voco pretrain --dry-run', () => {
  it('writes nothing, and foretells what a run then takes', async () => {
    const file = writeConfig(root, 'foretold', device, {
      data: { preprocess: { resize: null, spacing: null } },
      method: { crop: [32, 32, 32] },
      network: { featureSize: 8 },
      train: { steps: 6, validateEvery: 6, checkpointEvery: 6, keepLast: 1 },
    });
    const dry = await voco(['pretrain', file, '--dry-run', '--json'], root);
    expect(dry.code, dry.stderr).toBe(0);
    const estimate = JSON.parse(dry.stdout) as RunEstimate;
    expect(readdirSync(root).sort()).toEqual(['foretold.voco.json', 'phantom']);
    expect(estimate).toMatchObject({
      kind: 'pretrain',
      name: 'tiny',
      device: { name: device },
      volumes: { train: 3, heldOut: 1 },
      network: { name: 'unet3d', cropsPerStep: 5 },
      time: { steps: 6, measured: true },
      warnings: [
        expect.stringContaining('volumes are not resized'),
        expect.stringContaining('can collapse at a rate of 0.001'),
      ],
    });
    // A process with Node, code and a loader thread takes that at least.
    expect(estimate.memory.processBytes).toBeGreaterThan(1e8);
    const ran = await voco(['pretrain', file, '--json'], root);
    expect(ran.code, ran.stderr).toBe(0);
    const { runDir } = JSON.parse(ran.stdout) as { runDir: string };
    const folder = join(runDir, 'checkpoints');
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    // One checkpoint is there, the newest and the best, with projector and teacher.
    expect(bytes).toBeGreaterThan(0.98 * (estimate.checkpoints.bytes / 2));
    expect(bytes).toBeLessThan(1.02 * (estimate.checkpoints.bytes / 2));
    // Four volumes, with a header of a few hundred bytes each.
    const cached = await cacheStatus(join(root, 'cache'));
    expect(cached.bytes - estimate.cache!.bytes).toBeGreaterThan(0);
    expect(cached.bytes - estimate.cache!.bytes).toBeLessThan(4 * 4096);
  });

  it('tells people the same in lines', async () => {
    const file = writeConfig(root, 'lines', device, { train: { steps: 90 } });
    const { stdout, code } = await voco(['pretrain', file, '--dry-run'], root);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^data: 3 volumes to train on, 1 held out\nnetwork: .*\nmemory: about .* free\)\n/);
    expect(stdout).toMatch(/\ntime: about .* for 90 steps \([\d.]+ s a step\)/);
  });

  it('fails where the run would', async () => {
    const file = writeConfig(root, 'missing', device, { data: { train: [{ folder: 'nowhere' }], validation: [] } });
    const { code, stderr, stdout } = await voco(['pretrain', file, '--dry-run', '--json'], root);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/nowhere: .*no such/);
  });
});

describe('an estimate of fine-tuning', () => {
  it.each([
    ['spleen', [48, 48, 32], 2],
    ['cc-ccii', [24, 24, 24], 6],
  ] as const)('times steps of %s', async (task, size, cases) => {
    const { datalist } = await makeTaskPhantom({ task, out: join(root, task), cases, size: [...size], seed: 1 });
    const configFile = join(root, `${task}.voco.json`);
    writeFileSync(configFile, presetText(task, { data: datalist }));
    const network = ['network.name=unet3d', 'network.featureSize=4', 'crops.size=[32,32,32]'];
    const set = [`device=${device}`, ...network, 'data.validation=[]', 'data.validationFraction=0', 'train.epochs=10'];
    const said: string[] = [];
    const estimate = await estimateTraining('finetune', { configFile, resume: false, set }, (text) => said.push(text));
    expect(estimate.time.measured).toBe(true);
    expect(estimate.time.secondsPerStep).toBeGreaterThan(0);
    expect(estimate.volumes.heldOut).toBe(0);
    expect(said.some((line) => line.startsWith('timing steps of'))).toBe(true);
  });
});
