import { beforeAll, describe, expect, it } from 'vitest';
import { RandomStream } from '../../../../src/random/random';
import * as tf from '../../../../src/tensor/tf';
import { collapseMetrics, positionAccuracy } from '../../../../src/pretext/voco/metrics';
import { VocoModel, type VocoModelOptions } from '../../../../src/pretext/voco/model';
import type { ObjectiveName, StepLayout } from '../../../../src/pretext/voco/objectives';
import { useBackend } from '../../../support/backends';

beforeAll(() => useBackend('cpu'));

const options = (objective: ObjectiveName, more: Partial<VocoModelOptions> = {}): VocoModelOptions => ({
  network: { name: 'unet3d', featureSize: 2 },
  objective,
  projector: { hidden: 5, out: 4 },
  seed: 3,
  ...more,
});
const layout: StepLayout = { volumes: 2, randomPerVolume: 2, basesPerVolume: 4 };
const COUNT = 12;
const features = (seed: number): tf.Tensor2D => {
  const random = new RandomStream(seed);
  return tf.tensor2d(
    Float32Array.from({ length: COUNT * 62 }, () => random.normal()),
    [COUNT, 62],
  );
};
const labels = (): tf.Tensor2D => tf.tensor2d([0, 1, 2, 3].map((i) => [0, 1, 2, 3].map((k) => (k === i ? 1 : 0))));
const names = async (model: VocoModel): Promise<string[]> => (await model.stateDict()).map(({ name }) => name);

describe('state dict', () => {
  it.each([
    [
      'voco-10k',
      [
        'student.encoder.0.conv1.weight',
        'student.proj_head.layer1.0.weight',
        'teacher.encoder.0.conv1.weight',
        'teacher.proj_head.layer3.0.bias',
      ],
    ],
    ['tpami', ['backbone.encoder.0.conv1.weight', 'student.layer1.0.weight', 'teacher.layer3.0.bias']],
    ['cvpr-paper', ['student.encoder.0.conv1.weight', 'student.proj_head.layer3.0.bias']],
  ] as const)('%s has the names of the release', async (objective, expected) => {
    // prettier-ignore
    const model = new VocoModel(options(objective));
    const all = await names(model);
    expect(all).toEqual(expect.arrayContaining([...expected]));
    expect(all.some((name) => name.startsWith('teacher.encoder'))).toBe(objective === 'voco-10k');
    expect(all.some((name) => name.startsWith('teacher.'))).toBe(objective !== 'cvpr-paper');
    expect(new Set(all).size).toBe(all.length);
    expect(model.trainableVariables().map(({ name }) => name)).toEqual(
      all.filter((name) => !name.startsWith('teacher.')),
    );
    model.dispose();
  });

  it('brings student and teacher back', async () => {
    const model = new VocoModel(options('voco-10k'));
    const other = new VocoModel(options('voco-10k', { seed: 8 }));
    const written = await model.stateDict();
    expect(other.loadStateDict(written, { strict: true }).matched).toHaveLength(written.length);
    expect(await other.stateDict()).toEqual(written);
    const report = other.loadStateDict(written.filter(({ name }) => name.startsWith('student.')));
    expect(report.missing.every((name) => name.startsWith('teacher.'))).toBe(true);
    model.dispose();
    other.dispose();
  });
});

describe('teacher', () => {
  const first = async (model: VocoModel, side: string) =>
    Array.from((await model.stateDict()).find(({ name }) => name === `${side}.encoder.0.conv1.weight`)!.data);

  it('starts with values of its own, or as a copy', async () => {
    const own = new VocoModel(options('voco-10k'));
    const copy = new VocoModel(options('voco-10k', { teacherInit: 'copy' }));
    expect(await first(own, 'teacher')).not.toEqual(await first(own, 'student'));
    expect(await first(copy, 'teacher')).toEqual(await first(copy, 'student'));
    own.dispose();
    copy.dispose();
  });

  it('moves towards the student by 1 − momentum, and the student stays', async () => {
    const model = new VocoModel(options('voco-10k', { teacherMomentum: 0.75 }));
    const [teacher, student] = [await first(model, 'teacher'), await first(model, 'student')];
    const alive = tf.memory().numTensors;
    model.updateTeacher();
    expect(tf.memory().numTensors).toBe(alive);
    const moved = await first(model, 'teacher');
    moved.forEach((value, i) => expect(value).toBeCloseTo(0.75 * teacher[i]! + 0.25 * student[i]!, 6));
    expect(await first(model, 'student')).toEqual(student);
    model.dispose();
  });
});

describe('a step', () => {
  it.each(['cvpr-paper', 'voco-10k', 'tpami'] as ObjectiveName[])(
    '%s gives every gradient and nothing else',
    (name) => {
      const model = new VocoModel(options(name));
      const [student, teacher, y] = [features(1), features(2), labels()];
      const given = model.objective.needs.teacherEncoder ? { student, teacher } : { student };
      const alive = tf.memory().numTensors;
      const result = model.lossAndGradients(given, y, layout, new RandomStream(5));
      const { total, parts, assignments, embeddings, featureGradient, projectorGradients } = result;
      const held = [total, ...Object.values(parts), assignments, embeddings, featureGradient, ...projectorGradients];
      expect(Object.keys(parts)).toEqual(model.objective.partNames);
      expect(featureGradient.shape).toEqual([COUNT, 62]);
      expect(projectorGradients.map(({ shape }) => shape)).toEqual(
        model.projectorVariables().map(({ variable }) => variable.shape),
      );
      expect(held.every((tensor) => !tensor.isDisposed)).toBe(true);
      expect(tf.memory().numTensors).toBe(alive + held.length);
      tf.dispose(held);
      expect(student.isDisposed).toBe(false);
      model.dispose();
    },
  );

  // Without the regulariser, whose gradient is cut on purpose, nothing of the student's projector is detached.
  it.each(['voco-10k', 'tpami'] as ObjectiveName[])('%s: gradients agree with differences', (name) => {
    const model = new VocoModel(options(name, { weights: { regularizerWeight: 0 } }));
    const [student, teacher, y] = [features(1), features(2), labels()];
    const given = model.objective.needs.teacherEncoder ? { student, teacher } : { student };
    const { projectorGradients } = model.lossAndGradients(given, y, layout);
    const weight = model.projectorVariables()[4]!.variable;
    const start = tf.clone(weight);
    const direction = tf.randomNormal(weight.shape, 0, 1, 'float32', 4);
    const slope = tf.sum(tf.mul(direction, projectorGradients[4]!)).dataSync()[0]!;
    const at = (t: number) => {
      weight.assign(tf.add(start, tf.mul(direction, t)));
      return model.loss(given, y, layout).total.dataSync()[0]!;
    };
    const numeric = (at(1e-3) - at(-1e-3)) / 2e-3;
    expect(Math.abs(slope)).toBeGreaterThan(1e-2);
    expect(Math.abs(numeric - slope)).toBeLessThan(0.02 * Math.abs(slope));
    model.dispose();
  });

  it('small steps against the gradient lower every objective', () => {
    for (const objective of ['cvpr-paper', 'voco-10k', 'tpami'] as const) {
      const model = new VocoModel(options(objective));
      const [student, teacher, y] = [features(1), features(2), labels()];
      const given = model.objective.needs.teacherEncoder ? { student, teacher } : { student };
      const losses = Array.from({ length: 30 }, () => {
        const result = model.lossAndGradients(given, y, layout);
        model.projectorVariables().forEach(({ variable }, i) => {
          tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(result.projectorGradients[i]!, 0.05))));
        });
        return result.total.dataSync()[0]!;
      });
      expect(losses.at(-1)!, objective).toBeLessThan(0.9 * losses[0]!);
      model.dispose();
    }
  });

  it('runs crops through student and teacher', () => {
    const model = new VocoModel(options('voco-10k'));
    const x = tf.randomUniform([2, 32, 16, 16, 1], 0, 1, 'float32', 1) as tf.Tensor5D;
    expect(model.encode(x).shape).toEqual([2, 62]);
    expect(model.encodeTeacher(x).shape).toEqual([2, 62]);
    expect(Array.from(model.encode(x).dataSync())).not.toEqual(Array.from(model.encodeTeacher(x).dataSync()));
    model.dispose();
  });
});

describe('metrics', () => {
  it('position accuracy counts crops whose best base is the right one', () => {
    const assignments = tf.tensor2d([[0.1, 0.9, 0], [0.5, 0.2, 0.1], [0, 0.1, 0.3]]); // prettier-ignore
    const y = tf.tensor2d([[0.3, 0.7, 0], [0, 1, 0], [0, 0, 1]]); // prettier-ignore
    expect(positionAccuracy(assignments, y).dataSync()[0]).toBeCloseTo(2 / 3, 6);
  });

  it('collapse shows as similarity 1 and spread 0', () => {
    const one = { volumes: 1, randomPerVolume: 1, basesPerVolume: 3 };
    const same = collapseMetrics(tf.tensor2d([[1, 2, 3], [2, 4, 6], [1, 2, 3], [1, 2, 3]]), one); // prettier-ignore
    expect(same.baseSimilarity.dataSync()[0]).toBeCloseTo(1, 5);
    expect(same.featureStd.dataSync()[0]).toBeCloseTo(0, 5);
    const apart = collapseMetrics(tf.tensor2d([[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), one); // prettier-ignore
    expect(apart.baseSimilarity.dataSync()[0]).toBeCloseTo(0, 6);
    expect(apart.featureStd.dataSync()[0]).toBeGreaterThan(0.7);
  });
});
