import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEncoder, createSegmenter, type NetworkConfig } from '../../../src/nets';
import { describeInit, writeSafetensors } from '../../../src/runs';
import { initializeFrom } from '../../../src/convert/initialize';
import * as tf from '../../../src/tensor/tf';
import { warnOfOverwriting } from '../../../src/convert/overwriting';
import { useBackend } from '../../support/backends';

const folder = mkdtempSync(join(tmpdir(), 'voco-init-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => useBackend('cpu'));

const network: NetworkConfig = { name: 'unet3d', featureSize: 2 };

/** A file of an encoder's weights under a prefix, with tensors of other modules beside. */
async function encoderFile(name: string, prefix: string, config = network): Promise<string> {
  const encoder = createEncoder(config, { seed: 7 });
  const entries = await encoder.parameters.stateDict();
  const file = join(folder, name);
  const weights = entries.map((entry) => ({ ...entry, name: prefix + entry.name, dtype: 'F32' as const }));
  const other = { name: 'teacher.proj_head.weight', shape: [2], dtype: 'F32' as const, data: new Float32Array(2) };
  const moment = { ...other, name: 'optimizer.exp_avg.x' };
  await writeSafetensors(file, [...(weights as (typeof other)[]), other, moment], {});
  return file;
}

async function weightsOf(set: { stateDict(): Promise<{ name: string; data: ArrayLike<number> }[]> }) {
  return new Map((await set.stateDict()).map(({ name, data }) => [name, Array.from(data)] as const));
}

describe('initialisation from weights', () => {
  it.each(['', 'student.', 'backbone.', 'module.student.'])(
    'finds the encoder under the prefix "%s"',
    async (prefix) => {
      const file = await encoderFile('a.safetensors', prefix);
      const segmenter = createSegmenter(network, 3, { seed: 1 });
      const before = await weightsOf(segmenter.parameters);
      const expected = await weightsOf(createEncoder(network, { seed: 7 }).parameters);
      const report = await initializeFrom(file, segmenter.parameters, { branch: 'student' });
      const after = await weightsOf(segmenter.parameters);
      for (const [name, values] of after) {
        expect(values).toEqual(segmenter.isEncoderParameter(name) ? expected.get(name) : before.get(name));
      }
      expect(report.loaded).toHaveLength(expected.size);
      expect(report.modules.encoder).toEqual({ loaded: expected.size, total: expected.size });
      expect(report.modules.decoder!.loaded).toBe(0);
      expect(report.missing).toContain('out.weight');
      expect(report.unexpected).toEqual(['teacher.proj_head.weight']);
      expect(describeInit(report).join('\n')).toContain(`encoder ${expected.size}/${expected.size}`);
    },
  );

  it('spreads the kernel of one input channel over four, keeping the response to equal channels', async () => {
    const file = await encoderFile('b.safetensors', 'student.');
    const segmenter = createSegmenter({ ...network, inChannels: 4 }, 3, { seed: 1 });
    const report = await initializeFrom(file, segmenter.parameters, { branch: 'student' });
    expect(report.adapted).toEqual(['encoder.0.conv1.weight']);
    const wide = (await weightsOf(segmenter.parameters)).get('encoder.0.conv1.weight')!;
    const narrow = (await weightsOf(createEncoder(network, { seed: 7 }).parameters)).get('encoder.0.conv1.weight')!;
    const sums = [0, 1].flatMap((o) =>
      Array.from({ length: 27 }, (_, k) => [0, 1, 2, 3].reduce((sum, c) => sum + wide[(o * 4 + c) * 27 + k]!, 0)),
    );
    sums.forEach((sum, i) => expect(sum).toBeCloseTo(narrow[i]!, 6));
  });

  it.each([
    [network, 'encoder.'],
    [{ name: 'swin-unetr', featureSize: 12, depths: [1, 1, 1, 1], heads: [1, 1, 1, 1] } as NetworkConfig, 'swinViT.'],
  ])('scales kernels before an instance norm, which changes nothing that is computed: %o', async (config, module) => {
    await useBackend('onednn');
    const file = await encoderFile('scaled.safetensors', 'student.', config);
    const [as, scaled] = [0, 1].map(() => createSegmenter(config, 3, { seed: 1 }));
    await initializeFrom(file, as!.parameters, { branch: 'student' });
    const report = await initializeFrom(file, scaled!.parameters, { branch: 'student', kernelScale: 0.25 });
    const [before, after] = [await weightsOf(as!.parameters), await weightsOf(scaled!.parameters)];
    const { tensors } = report.rescaled!;
    expect(tensors.length).toBeGreaterThan(0);
    for (const [name, values] of after) {
      if (tensors.includes(name)) {
        expect(Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)).toBeCloseTo(0.25, 5);
      } else expect(values).toEqual(before.get(name));
    }
    expect(report.loaded.some((name) => name.startsWith(module))).toBe(true);
    expect(tensors.some((name) => name.startsWith('decoder'))).toBe(false);
    expect(describeInit(report).join('\n')).toContain(`root mean square of 0.25: ${tensors.length} tensors`);
    const x = tf.randomNormal<tf.Rank.R5>([1, 64, 32, 32, 1], 0, 1, 'float32', 3);
    const [expected, actual] = [as, scaled].map((net) => Array.from(net!.forward(x).dataSync())) as [
      number[],
      number[],
    ];
    const norm = (of: (value: number, i: number) => number): number =>
      Math.sqrt(expected.reduce((sum, value, i) => sum + of(value, i) ** 2, 0));
    // Not quite nothing: the norm adds 1e-5 to the variance.
    expect(norm((value, i) => value - actual[i]!) / norm((value) => value)).toBeLessThan(5e-3);
  });

  it('says when a rate would overwrite loaded kernels, and not after they were scaled', async () => {
    const file = await encoderFile('rate.safetensors', 'student.');
    const last = 'encoder.4.conv2.weight';
    const warned = async (kernelScale: number | null, rate: number, held?: string): Promise<string | undefined> => {
      const { parameters } = createSegmenter(network, 3, { seed: 1 });
      const { loaded } = await initializeFrom(file, parameters, { branch: 'student', kernelScale });
      return warnOfOverwriting(parameters, loaded, (name) => (name === held ? 0 : rate));
    };
    expect(await warned(null, 3e-4)).toBeUndefined();
    // Torch draws from ±1/√fan_in: the 32 × 27 inputs of the last kernel make a root mean square of 0.02.
    const text = await warned(null, 0.04);
    expect(text).toMatch(/ of 10 kernels of the checkpoint: .* by about 0\.04, .* encoder\.4\.conv2\.weight .* 0\.02;/);
    expect(text).toContain('init.kernelScale');
    expect(await warned(0.25, 0.04)).toBeUndefined();
    const others = await warned(null, 0.04, last);
    expect(others).toBeDefined();
    expect(others).not.toContain(last);
  });

  it('names tensors of another shape and leaves them at random', async () => {
    const file = await encoderFile('c.safetensors', '', { ...network, inChannels: 2 });
    const segmenter = createSegmenter(network, 3, { seed: 1 });
    const before = (await weightsOf(segmenter.parameters)).get('encoder.0.conv1.weight');
    const report = await initializeFrom(file, segmenter.parameters, { branch: 'student' });
    expect(report.shapeMismatch).toEqual([
      { name: 'encoder.0.conv1.weight', expected: [2, 1, 3, 3, 3], found: [2, 2, 3, 3, 3] },
    ]);
    expect((await weightsOf(segmenter.parameters)).get('encoder.0.conv1.weight')).toEqual(before);
    expect(describeInit(report).join('\n')).toContain('skipped for their shape: encoder.0.conv1.weight');
  });

  it('refuses a file in which nothing fits', async () => {
    const swin = { name: 'swin-unetr', featureSize: 12, depths: [1, 1, 1, 1], heads: [1, 1, 1, 1] } as NetworkConfig;
    const file = await encoderFile('d.safetensors', '', swin);
    const segmenter = createSegmenter(network, 3, { seed: 1 });
    await expect(initializeFrom(file, segmenter.parameters, { branch: 'student' })).rejects.toThrow(
      /0 of \d+ tensors of the network/,
    );
  });

  it('says how to convert a torch file', async () => {
    const segmenter = createSegmenter(network, 3, { seed: 1 });
    await expect(initializeFrom('x/VoCo_10k.pt', segmenter.parameters, { branch: 'student' })).rejects.toThrow(
      /voco import/,
    );
  });
});
