import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Comparison } from '../../../src/protocol/comparison';
import { createRun, saveCheckpoint, writeResults, writeSafetensors, type Results } from '../../../src/runs';
import { compareCheckpoints } from '../../../src/compare';
import { compareScores } from '../../../src/compare/scores';
import { comparisonText } from '../../../src/compare/text';
import { temporaryFolder } from '../runs/support';

const silent = (): void => undefined;

const weights = (scale: number) => [
  {
    name: 'swinViT.patch_embed.proj.weight',
    dtype: 'F32' as const,
    shape: [2, 2],
    data: Float32Array.of(3 * scale, 0, 4 * scale, 0),
  },
  { name: 'swinViT.patch_embed.proj.bias', dtype: 'F32' as const, shape: [2], data: Float32Array.of(1, 1) },
  { name: 'out.conv.conv.weight', dtype: 'F32' as const, shape: [2], data: Float32Array.of(0, 2 * scale) },
];

const result = (name: string, liver: number, spleen: number | null): Results['cases'][number] => ({
  case: name,
  image: `${name}.nii.gz`,
  classes: [
    { class: 6, name: 'liver', scores: { dice: liver } },
    { class: 1, name: 'spleen', scores: { dice: spleen } },
  ],
});

async function finetuned(root: string, name: string, scale: number, cases: Results['cases']): Promise<string> {
  const config = { kind: 'finetune', name, optimizer: { lr: scale } };
  const dir = await createRun({ root, name, kind: 'finetune', config, totalSteps: 10 });
  const metadata = { kind: 'finetune', name, config: JSON.stringify(config), version: '0.1.0' };
  const checkpoint = await saveCheckpoint(dir, { step: 10, tensors: weights(scale), metadata });
  await writeResults(dir, { format: 1, units: { dice: '' }, checkpoint, step: 10, cases });
  return checkpoint;
}

async function two(): Promise<Comparison> {
  const root = temporaryFolder();
  const first = await finetuned(root, 'a', 1, [result('x', 0.8, 0.5), result('y', 0.7, null), result('z', 0.6, 0.4)]);
  const second = await finetuned(root, 'b', 2, [result('x', 0.9, 0.7), result('y', 0.75, 0.1), result('w', 1, 1)]);
  return compareCheckpoints({ files: [first, second] }, silent);
}

describe('a comparison of two fine-tuned checkpoints', () => {
  test('names what the configs do not agree on', async () => {
    const { config, checkpoints } = await two();
    expect(config).toEqual([
      { path: 'name', values: ['"a"', '"b"'] },
      { path: 'optimizer.lr', values: ['1', '2'] },
    ]);
    expect(checkpoints.map(({ kind, step }) => [kind, step])).toEqual([
      ['finetune', 10],
      ['finetune', 10],
    ]);
  });

  test('measures the weights by module', async () => {
    const [comparison] = (await two()).weights;
    expect(comparison!.modules.map(({ module }) => module)).toEqual(['swinViT.patch_embed', 'out.conv']);
    const [embed, out] = comparison!.modules;
    expect(embed).toMatchObject({ tensors: 2, parameters: 6 });
    expect(embed!.referenceNorm).toBeCloseTo(Math.sqrt(27), 6);
    expect(embed!.norm).toBeCloseTo(Math.sqrt(102), 6);
    expect(embed!.relativeChange).toBeCloseTo(5 / Math.sqrt(27), 6);
    expect(embed!.cosine).toBeCloseTo(52 / Math.sqrt(27 * 102), 6);
    expect(out).toMatchObject({ relativeChange: 1, cosine: 1 });
  });

  test('pairs the scores over the cases and classes that both have', async () => {
    const [scores] = (await two()).scores;
    expect(scores!.commonCases).toEqual(['x', 'y']);
    expect([...scores!.otherCases].sort()).toEqual(['w', 'z']);
    const row = (name: string) => scores!.scores.find((score) => score.name === name)!;
    expect(row('liver')).toMatchObject({ cases: 2, p: 0.5, test: 'exact' });
    expect(row('liver').difference).toBeCloseTo(0.075, 12);
    expect(row('liver').low).toBeCloseTo(0.05, 12);
    expect(row('spleen')).toMatchObject({ cases: 1, reference: 0.5, other: 0.7, low: null });
    expect(row('mean').cases).toBe(2);
  });

  test('reads well in a terminal', async () => {
    const text = comparisonText(await two());
    expect(text).toContain('optimizer.lr');
    expect(text).toMatch(/swinViT\.patch_embed +6 +5\.196 +10\.10/);
    expect(text).toMatch(/liver dice +0\.7500 +0\.8250 +0\.07500/);
  });
});

describe('scores of other tasks', () => {
  const results = (task: string, more: Partial<Results>): Results => ({
    ...{ format: 1, task, units: { dice: '', accuracy: '' }, cases: [] },
    ...more,
  });

  test('that share a class are paired over that class alone', () => {
    const one = results('two organs', { cases: [result('x', 0.8, 0.5), result('y', 0.6, 0.5)] });
    const other = results('one organ', {
      cases: [0.9, 0.9].map((dice, i) => ({
        ...{ case: 'xy'[i]!, image: '' },
        classes: [{ class: 1, name: 'liver', scores: { dice } }],
      })),
    });
    const { scores, missing } = compareScores(one, other, 1);
    expect(missing).toBeUndefined();
    // A mean would be over other classes on each side.
    expect(scores.map(({ name }) => name)).toEqual(['liver']);
    expect(scores[0]!.difference).toBeCloseTo(0.2, 12);
  });

  test('that share none are not paired', () => {
    const tumour = [{ case: 'x', image: '', classes: [{ class: 1, name: 'tumour', scores: { dice: 1 } }] }];
    const { scores, missing } = compareScores(
      results('organs', { cases: [result('x', 0.8, 0.5)] }),
      results('tumours', { cases: tumour }),
      1,
    );
    expect(scores).toEqual([]);
    expect(missing).toMatch(/organs and tumours share no class/);
  });

  test('of classifications count cases as right or wrong', () => {
    const classified = (...probabilities: number[]): Results =>
      results('severity', {
        classification: probabilities.map((p, i) => ({
          ...{ case: `c${i}`, image: '', truth: 1 },
          probabilities: [1 - p, p],
        })),
      });
    const { scores } = compareScores(classified(0.9, 0.2, 0.3, 0.4), classified(0.8, 0.9, 0.7, 0.1), 1);
    expect(scores).toMatchObject([{ name: 'all', metric: 'accuracy', cases: 4, reference: 0.25, other: 0.75 }]);
    const segmented = results('organs', { cases: [result('c0', 0.8, 0.5)] });
    expect(compareScores(classified(1), segmented, 1).missing).toMatch(/one is segmentation, the other classification/);
  });
});

describe('files of weights', () => {
  test('other names and shapes are told; without an evaluation there are no scores', async () => {
    const root = temporaryFolder();
    const [a, b] = [join(root, 'a.safetensors'), join(root, 'b.safetensors')];
    await writeSafetensors(a, weights(1));
    const other = [{ ...weights(1)[0]!, shape: [4] }, weights(1)[1]!, { ...weights(1)[2]!, name: 'head.weight' }];
    await writeSafetensors(b, other);
    const { weights: compared, scores } = await compareCheckpoints({ files: [a, b] }, silent);
    expect(compared[0]).toMatchObject({
      onlyInReference: ['out.conv.conv.weight'],
      onlyInOther: ['head.weight'],
      otherShape: [{ name: 'swinViT.patch_embed.proj.weight', reference: [2, 2], other: [4] }],
    });
    expect(scores[0]!.missing).toContain('has not been evaluated');
  });

  test('one file, five files, one twice and one that is missing are refused', async () => {
    const file = join(temporaryFolder(), 'a.safetensors');
    await writeSafetensors(file, weights(1));
    await expect(compareCheckpoints({ files: [file] }, silent)).rejects.toThrow(/2 to 4 checkpoints, not 1/);
    await expect(compareCheckpoints({ files: Array<string>(5).fill(file) }, silent)).rejects.toThrow(/not 5/);
    await expect(compareCheckpoints({ files: [file, file] }, silent)).rejects.toThrow(/named twice/);
    await expect(compareCheckpoints({ files: [file, `${file}x`] }, silent)).rejects.toThrow(/a\.safetensorsx/);
  });
});

test('evaluations of other settings are told, since a difference may come from them', async () => {
  const settings = (overlap: number, sha256: string): NonNullable<Results['settings']> => ({
    weights: { sha256, bytes: 10 },
    window: [96, 96, 96],
    inference: { overlap, mirror: false },
    preprocess: { spacing: [1, 1, 1] },
    channel: 0,
    labelsOnImageGrid: false,
    heldOut: ['x'],
    ...{ device: `device of ${sha256}`, precision: 'float32', version: '0.1.0', created: '2026-11-30T10:00:00Z' },
  });
  const results = (overlap: number, sha256: string): Results => ({
    format: 1,
    units: { dice: '' },
    cases: [result('x', 0.5, 0.5)],
    settings: settings(overlap, sha256),
  });
  const first = results(0.5, 'a');
  expect(compareScores(first, results(0.5, 'b'), 1).settings).toBeUndefined();
  const { settings: _, ...without } = first;
  expect(compareScores(first, without, 1).settings).toBeUndefined();
  const other = compareScores(first, results(0.25, 'b'), 1);
  expect(other.settings).toEqual(['inference.overlap: 0.5 → 0.25']);
  const text = comparisonText({ format: 1, checkpoints: [], config: [], weights: [], scores: [other] });
  expect(text).toContain('evaluated with other settings: inference.overlap: 0.5 → 0.25');
});
