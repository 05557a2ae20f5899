import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config';
import { resolveSources } from '../../src/data/datalist';
import {
  classMask,
  countPlaces,
  drawPlace,
  encodeLabels,
  labelledClasses,
  makeLabelCodes,
  oneHot,
} from '../../src/data/labelled';
import { segmentationLoss } from '../../src/downstream/segmentation/loss';
import { classDice, scoreCase, withoutIgnored } from '../../src/downstream/segmentation/scores';
import { diceCeLoss, type DiceCeOptions } from '../../src/metrics';
import type { Segmenter } from '../../src/nets';
import { RandomStream } from '../../src/random/random';
import { valueAndGradients } from '../../src/tensor/autodiff';
import * as tf from '../../src/tensor/tf';
import { identityAffine, type Volume } from '../../src/volume';
import { usableBackends, useBackend } from '../support/backends';
import { temporaryFolder } from '../unit/volume/support';
import { mkdirSync, writeFileSync } from 'node:fs';

const at = temporaryFolder();

/** Rows, voxels, classes of the loss's tests. */
const [N, V, C] = [3, 10, 4];
const at3 = (n: number, v: number, c: number): number => (n * V + v) * C + c;
const random = new RandomStream(5);
const logits = Float32Array.from({ length: N * V * C }, () => random.range(-3, 3));
/** The second row labels class 1 alone, the third classes 2 and 3. */
const LABELLED = [[1, 1, 1], [1, 0, 0], [0, 1, 1]] as const; // prettier-ignore
const COUNTED = Array.from({ length: N }, (_, n) =>
  Array.from({ length: V }, (__, v): number => ((v + n) % 4 === 1 ? 0 : 1)),
);

type Truth = (n: number, v: number, c: number) => number;

const softTruth = ((): Truth => {
  const classes = Array.from({ length: N }, (_, n) =>
    Array.from({ length: V }, () => {
      const drawn = random.integer(0, C);
      return drawn > 0 && LABELLED[n]![drawn - 1]! === 0 ? 0 : drawn;
    }),
  );
  return (n, v, c) => (classes[n]![v] === c ? 1 : 0);
})();

/** The loss as its papers write it, in double precision and one voxel after the other. */
function reference(x: Float64Array, truth: Truth, kind: DiceCeOptions['activation'], background: boolean): number {
  let total = 0;
  for (let n = 0; n < N; n++) {
    const known = kind === 'softmax' ? [1, ...LABELLED[n]!] : [1, ...LABELLED[n]!];
    const counted = COUNTED[n]!;
    const p = Array.from({ length: V }, (_, v) => {
      const row = Array.from({ length: C }, (__, c) => x[at3(n, v, c)]!);
      if (kind === 'sigmoid') return row.map((value) => 1 / (1 + Math.exp(-value)));
      const sum = row.reduce((s, value) => s + Math.exp(value), 0);
      const soft = row.map((value) => Math.exp(value) / sum);
      return soft.map((value, c) =>
        c > 0 ? value : soft.reduce((s, other, k) => s + (k === 0 || !known[k] ? other : 0), 0),
      );
    });
    const voxels = counted.reduce((s, one) => s + one, 0);
    let entropy = 0;
    const channels = [...Array(C).keys()].filter((c) => known[c]);
    for (let v = 0; v < V; v++) {
      if (!counted[v]) continue;
      for (const c of channels) {
        const t = truth(n, v, c);
        if (kind === 'softmax') entropy -= t * Math.log(p[v]![c]!);
        else entropy -= (t * Math.log(p[v]![c]!) + (1 - t) * Math.log(1 - p[v]![c]!)) / channels.length;
      }
    }
    const scored = channels.filter((c) => c > 0 || background);
    const terms = scored.map((c) => {
      const sum = (f: (v: number) => number): number => counted.reduce((s, one, v) => s + one * f(v), 0);
      const both = sum((v) => p[v]![c]! * truth(n, v, c));
      return 1 - (2 * both + 1e-5) / (sum((v) => p[v]![c]!) + sum((v) => truth(n, v, c)) + 1e-5);
    });
    total += entropy / voxels + terms.reduce((s, term) => s + term, 0) / terms.length;
  }
  return total / N;
}

function differences(f: (x: Float64Array) => number): number[] {
  const x = Float64Array.from(logits);
  return Array.from(x, (value, i) => {
    const step = 1e-5;
    x[i] = value + step;
    const above = f(x);
    x[i] = value - step;
    const below = f(x);
    x[i] = value;
    return (above - below) / (2 * step);
  });
}

const tensor = (values: Float32Array | number[], shape: number[]): tf.Tensor =>
  tf.tensor(Float32Array.from(values), shape);
const channelMask = (): tf.Tensor2D => tf.tensor2d(LABELLED.map((row) => [1, ...row]));

for (const device of await usableBackends('block'))
  describe(`the loss where not all is labelled, on ${device}`, () => {
    beforeAll(() => useBackend(device));

    it.each([
      ['softmax', false],
      ['softmax', true],
      ['sigmoid', true],
    ] as const)('%s, background in Dice: %s; value and gradient are those of the papers', async (kind, background) => {
      const truth: Truth = kind === 'softmax' ? softTruth : (n, v, c) => ((n * 7 + v * 3 + c * 5) % 3 === 0 ? 1 : 0);
      const target = Float32Array.from({ length: N * V * C }, (_, i) =>
        truth(Math.floor(i / (V * C)), Math.floor(i / C) % V, i % C),
      );
      const options = { activation: kind, includeBackground: background };
      const x = tensor(logits, [N, V, C]);
      const scope = { counted: tf.tensor2d(COUNTED), labelled: channelMask() };
      const { value, gradients } = valueAndGradients(
        () => diceCeLoss(x, tensor(target, [N, V, C]), options, scope),
        [x],
      );
      const f = (values: Float64Array): number => reference(values, truth, kind, background);
      expect((await value.loss.data())[0]).toBeCloseTo(f(Float64Array.from(logits)), 4);
      const found = await gradients[0]!.data();
      differences(f).forEach((slope, i) => expect(found[i]).toBeCloseTo(slope, 4));
    });

    it('a scope of everything changes nothing', async () => {
      const target = oneHot(
        Uint8Array.from({ length: N * V }, (_, i) => i % C),
        makeLabelCodes(
          [1, 2, 3].map((v) => ({ name: `${v}`, values: [v] })),
          false,
        ),
      );
      for (const activation of ['softmax', 'sigmoid'] as const) {
        const [x, t] = [tensor(logits, [N, V, C]), tensor(target, [N, V, C])];
        const plain = (await diceCeLoss(x, t, { activation }).loss.data())[0]!;
        const scope = { counted: tf.ones([N, V]) as tf.Tensor2D, labelled: tf.ones([N, C]) as tf.Tensor2D };
        expect((await diceCeLoss(x, t, { activation }, scope).loss.data())[0]).toBeCloseTo(plain, 5);
      }
    });

    it('logits far apart stay finite, also where hardly anything is left for the background', async () => {
      const x = tensor([80, -80, 0, -80, 80, 0, -80, -80, 90, 0, 0, 0], [1, 4, 3]);
      const t = tensor([1, 0, 0, 0, 1, 0, 1, 0, 0, 1, 0, 0], [1, 4, 3]);
      const scope = { labelled: tf.tensor2d([[1, 1, 0]]) };
      const { value, gradients } = valueAndGradients(() => diceCeLoss(x, t, { activation: 'softmax' }, scope), [x]);
      expect(Number.isFinite((await value.loss.data())[0])).toBe(true);
      expect((await gradients[0]!.data()).every(Number.isFinite)).toBe(true);
    });
  });

const ORGANS = [
  { name: 'liver', values: [1] },
  { name: 'spleen', values: [2] },
  { name: 'kidney', values: [3] },
];

describe('crops of partly labelled cases', () => {
  beforeAll(() => useBackend('cpu'));
  const codes = makeLabelCodes(ORGANS, false, { ignore: 9 });
  const parts = (values: number[], labelled: number[]) => ({
    codes: encodeLabels(Uint8Array.from(values), codes, 'l.nii', Uint8Array.from(labelled)),
    labelled: Uint8Array.from(labelled),
  });
  const [full, partly] = [parts([0, 1, 2, 3, 9, 9, 0, 0], [1, 1, 1]), parts([0, 1, 2, 3, 0, 1, 9, 1], [1, 0, 0])];
  const images = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const batch = {
    cases: ['a', 'b'],
    crops: 2,
    cropShape: [2, 2, 2] as const,
    channels: 1,
    images,
    codes: Uint8Array.of(...full.codes, ...partly.codes),
    labelled: Uint8Array.of(...full.labelled, ...partly.labelled),
    centres: new Float64Array(6),
  };
  /** A network whose logits are four multiples of the image. */
  const network = { forward: (x: tf.Tensor) => tf.mul(x, tf.tensor1d([1, -2, 3, 0.5])) } as unknown as Segmenter;
  const loss = segmentationLoss(network, codes, { activation: 'softmax' });

  it('add up over any cut of the batch, whichever rows are partly labelled', async () => {
    const of = async (first: number, count: number): Promise<number> =>
      (await (await loss.loss(batch, { first, count })).loss.data())[0]!;
    expect(await of(0, 2)).toBeCloseTo(((await of(0, 1)) + (await of(1, 1))) / 2, 5);
  });

  it('values of classes that are not labelled are background, and what is left out has a code of its own', () => {
    expect([...full.codes]).toEqual([0, 1, 2, 3, 255, 255, 0, 0]);
    expect([...partly.codes]).toEqual([0, 1, 0, 0, 0, 1, 255, 1]);
    expect([...oneHot(Uint8Array.of(255, 1), codes)]).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
    const regions = makeLabelCodes([{ name: 'core', values: [1, 4] }, { name: 'whole', values: [1, 2, 4] }], true, { ignore: -1 }); // prettier-ignore
    expect([...encodeLabels(Int16Array.of(4, 2, -1, 0), regions, 'l.nii', Uint8Array.of(0, 1))]).toEqual([
      2, 2, 128, 0,
    ]);
    expect([...classMask(Uint8Array.of(128, 2), 1, regions)]).toEqual([0, 1]);
  });

  it('are never centred on a voxel that is left out', () => {
    const voxels = Uint8Array.from({ length: 512 }, (_, i) => (i % 3 === 0 ? 255 : i % 7 === 0 ? 1 : 0));
    const image: Volume<Float32Array> = {
      data: new Float32Array(512).fill(1),
      shape: [1, 8, 8, 8],
      affine: identityAffine(),
    };
    const places = countPlaces(image, voxels, 255);
    expect(places.foregroundTotal + places.backgroundTotal).toBe(512 - voxels.filter((c) => c === 255).length);
    for (let i = 0; i < 40; i++) {
      const draw = { kind: random.uniform(), pick: random.uniform() };
      const [x, y, z] = drawPlace(image, voxels, places, draw, { positive: 1, negative: 1 }, [1, 1, 1], 'a');
      expect(voxels[(x * 8 + y) * 8 + z]).not.toBe(255);
    }
    const left = new Uint8Array(512).fill(255);
    const draw = { kind: 0.5, pick: 0.5 };
    expect(() => drawPlace(image, left, countPlaces(image, left, 255), draw, { positive: 1, negative: 1 }, [1, 1, 1], 'ct.nii')).toThrow(/^ct\.nii: neither a label/); // prettier-ignore
  });
});

describe('scores of partly labelled cases', () => {
  const codes = makeLabelCodes(ORGANS, false, { ignore: 9 });
  const truth = Uint8Array.of(1, 1, 0, 0, 255, 255, 2, 0);
  const prediction = Uint8Array.of(1, 0, 1, 0, 1, 2, 2, 3);

  it('leave out the voxels of the ignore label and the classes that are not labelled', () => {
    expect(classDice(prediction, truth, codes)).toEqual([2 / 4, 1, NaN]);
    expect(classDice(prediction, truth, codes, Uint8Array.of(0, 1, 1))).toEqual([NaN, 1, NaN]);
    const masked = withoutIgnored(prediction, truth, codes);
    expect([...masked]).toEqual([1, 0, 1, 0, 0, 0, 2, 3]);
    const [liver] = scoreCase(masked, truth, codes, { size: [2, 2, 2], spacing: [1, 1, 1], tolerance: 1 });
    expect(liver!.overlap).toEqual({ both: 1, predicted: 2, truth: 2 });
  });
});

describe('naming what is labelled', () => {
  const config = async (change: object): Promise<unknown> => {
    const file = at('partial.voco.json');
    const task = { name: 'custom', classes: ORGANS, ...('task' in change ? (change.task as object) : {}) };
    const data = {
      train: [{ folder: '.', labelled: ['liver'] }],
      ...('data' in change ? (change.data as object) : {}),
    };
    writeFileSync(file, JSON.stringify({ kind: 'finetune', name: 'partial', task, data }));
    return loadConfig(file, { kind: 'finetune' });
  };

  it('config: classes by name, with a suggestion; a value to leave out that is no class', async () => {
    await expect(config({})).resolves.toMatchObject({ config: { data: { train: [{ labelled: ['liver'] }] } } });
    await expect(config({ data: { train: [{ folder: '.', labelled: ['livr'] }] } })).rejects.toThrow(
      /"livr" is no class.*did you mean "liver"/,
    );
    await expect(config({ data: { train: [{ folder: '.', labelled: [] }] } })).rejects.toThrow(/labelled/);
    await expect(config({ task: { ignore: 255 } })).resolves.toMatchObject({ config: { task: { ignore: 255 } } });
    await expect(config({ task: { ignore: 2 } })).rejects.toThrow(/2 is a value of the class "spleen"/);
    await expect(config({ task: { ignore: 0 } })).rejects.toThrow(/0 is background/);
    const eight = Array.from({ length: 8 }, (_, i) => ({ name: `c${i}`, values: [i + 1] }));
    await expect(
      config({ task: { classes: eight, output: 'sigmoid', ignore: 99 }, data: { train: [{ folder: '.' }] } }),
    ).rejects.toThrow(/at most 7/);
  });

  it('datalists: an entry counts more than its source', async () => {
    mkdirSync(at('set'));
    const entry = (name: string, more: object = {}) => ({
      image: `${name}.nii.gz`,
      label: `${name}-l.nii.gz`,
      ...more,
    });
    writeFileSync(
      at('set/list.json'),
      JSON.stringify({ training: [entry('a'), entry('b', { labelled: ['spleen', 'kidney'] })] }),
    );
    const cases = await resolveSources([{ datalist: 'list.json', labelled: ['liver'] }], at('set'), { labels: true });
    expect(cases.map(({ labelled }) => labelled)).toEqual([['liver'], ['spleen', 'kidney']]);
    expect(cases.map((item) => [...labelledClasses(item, ORGANS)])).toEqual([[1, 0, 0], [0, 1, 1]]); // prettier-ignore
    expect(() => labelledClasses({ image: 'ct.nii', labelled: ['Liver'] }, ORGANS)).toThrow(
      /^ct\.nii: .*did you mean "liver"/,
    );
    writeFileSync(at('set/bad.json'), JSON.stringify({ training: [entry('a', { labelled: 'liver' })] }));
    await expect(resolveSources([{ datalist: 'bad.json' }], at('set'), { labels: true })).rejects.toThrow(
      /"labelled" must be a list/,
    );
  });
});
