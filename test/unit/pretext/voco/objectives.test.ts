import { beforeAll, describe, expect, it } from 'vitest';
import { ParameterSet } from '../../../../src/nets/parameters';
import { RandomStream } from '../../../../src/random/random';
import * as tf from '../../../../src/tensor/tf';
import { createObjective, type ObjectiveName, type StepLayout } from '../../../../src/pretext/voco/objectives';
import { objectiveNames } from '../../../../src/pretext/voco/objectives/descriptors';
import { dropFeatures } from '../../../../src/pretext/voco/objectives/tpami/loss';
import { batchNorm, layerNorm, Projector } from '../../../../src/pretext/voco/projector';
import { useBackend } from '../../../support/backends';

beforeAll(() => useBackend('cpu'));

const FEATURES = 6;
const SIZES = { hidden: 5, out: 4 };
const projector = (seed: number) => new Projector(new ParameterSet({ seed }), FEATURES, SIZES);

function randomRows(seed: number, rows: number, columns: number): tf.Tensor2D {
  const random = new RandomStream(seed);
  return tf.tensor2d(
    Float32Array.from({ length: rows * columns }, () => random.normal()),
    [rows, columns],
  );
}

/** Labels that sum to 1 over three of the n bases. */
function randomLabels(layout: StepLayout): tf.Tensor2D {
  const n = layout.basesPerVolume;
  const rows = Array.from({ length: layout.volumes * layout.randomPerVolume }, (_, row) =>
    Array.from({ length: n }, (_, i) =>
      i === row % n ? 0.5 : i === (row + 1) % n ? 0.3 : i === (row + 2) % n ? 0.2 : 0,
    ),
  );
  return tf.tensor2d(rows);
}

function setUp(layout: StepLayout, shift = 0) {
  const rows = layout.volumes * (layout.randomPerVolume + layout.basesPerVolume);
  return {
    features: { student: randomRows(11 + shift, rows, FEATURES), teacher: randomRows(12 + shift, rows, FEATURES) },
    labels: randomLabels(layout),
    layout,
    projectors: { student: projector(1), teacher: projector(2) },
  };
}

/** Plain numbers, to write the formulas of the paper and the released codes a second time. */
type Rows = number[][];
const cosine = (a: number[], b: number[]): number => {
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
const relu = (x: number): number => Math.max(x, 0);
const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const byVolume = (rows: Rows, layout: StepLayout, volume: number) => {
  const { volumes, randomPerVolume: r, basesPerVolume: n } = layout;
  const first = volumes * r;
  return {
    crops: rows.slice(volume * r, (volume + 1) * r),
    bases: rows.slice(first + volume * n, first + (volume + 1) * n),
  };
};
const pairs = (n: number) => Array.from({ length: n }, (_, i) => i).flatMap((i) =>
  Array.from({ length: n - i - 1 }, (_, k) => [i, i + 1 + k] as const),
); // prettier-ignore

/** pos + neg of the released codes for one volume. */
function assignmentLoss(labels: Rows, assignments: Rows, negative: (l: number) => number): number {
  const entries = labels.flatMap((row, i) => row.map((y, k) => ({ y, l: assignments[i]![k]! })));
  const weight = entries.reduce((sum, { y }) => sum + y, 0);
  const zeros = entries.filter(({ y }) => y === 0);
  const pos = entries.reduce((sum, { y, l }) => sum - y * Math.log(1 - Math.abs(y - l) + 1e-6), 0) / (weight + 1e-6);
  const neg = zeros.reduce((sum, { l }) => sum + negative(l), 0) / (zeros.length + 1e-6);
  return pos + neg;
}
const squaredRegularizer = (bases: Rows): number =>
  mean(pairs(bases.length).map(([i, j]) => relu(cosine(bases[i]!, bases[j]!)) ** 2));
const similarities = (crops: Rows, bases: Rows): Rows =>
  crops.map((crop) => bases.map((base) => relu(cosine(crop, base))));

async function embed(p: Projector, features: tf.Tensor2D): Promise<Rows> {
  return (await p.forward(features).array()) as Rows;
}

const LAYOUTS: StepLayout[] = [
  { volumes: 1, randomPerVolume: 2, basesPerVolume: 16 },
  { volumes: 2, randomPerVolume: 3, basesPerVolume: 9 },
  { volumes: 3, randomPerVolume: 1, basesPerVolume: 4 },
];

describe.each(LAYOUTS)('$volumes volumes, $randomPerVolume crops, $basesPerVolume bases', (layout) => {
  const volumes = Array.from({ length: layout.volumes }, (_, i) => i);
  const labelsOf = async (labels: tf.Tensor2D) => (await labels.array()) as Rows;
  const labelRows = (labels: Rows, volume: number) =>
    labels.slice(volume * layout.randomPerVolume, (volume + 1) * layout.randomPerVolume);
  const totalOf = async (result: { total: tf.Scalar }) => (await result.total.data())[0]!;

  it('cvpr-paper is the equations of the paper', async () => {
    const inputs = setUp(layout);
    const alone = {
      features: { student: inputs.features.student },
      projectors: { student: inputs.projectors.student },
    };
    const result = createObjective('cvpr-paper', { regularizerWeight: 0.7 }).loss({ ...inputs, ...alone });
    const rows = await embed(inputs.projectors.student, inputs.features.student);
    const labels = await labelsOf(inputs.labels);
    const losses = volumes.map((volume) => {
      const { crops, bases } = byVolume(rows, layout, volume);
      const assignments = similarities(crops, bases);
      const entries = labelRows(labels, volume).flatMap((row, i) =>
        row.map((y, k) => Math.abs(y - assignments[i]![k]!)),
      );
      const regularizer = mean(pairs(bases.length).map(([i, j]) => Math.abs(cosine(bases[i]!, bases[j]!))));
      return -mean(entries.map((d) => Math.log(1 - d + 1e-6))) + 0.7 * regularizer;
    });
    expect(await totalOf(result)).toBeCloseTo(mean(losses), 4);
    expect(Object.keys(result.parts)).toEqual(['prediction', 'regularizer']);
    expect(result.assignments.shape).toEqual(inputs.labels.shape);
  });

  it('voco-10k is the released code, volume by volume', async () => {
    const inputs = setUp(layout);
    const result = createObjective('voco-10k', { regularizerWeight: 0.7 }).loss(inputs);
    const rows = await embed(inputs.projectors.student, inputs.features.student);
    const teacherRows = await embed(inputs.projectors.teacher, inputs.features.teacher);
    const labels = await labelsOf(inputs.labels);
    const losses = volumes.map((volume) => {
      const student = byVolume(rows, layout, volume);
      const teacher = byVolume(teacherRows, layout, volume);
      const first = similarities(student.crops, teacher.bases);
      const second = similarities(teacher.crops, student.bases);
      const assignments = first.map((row, i) => row.map((value, k) => (value + second[i]![k]!) / 2));
      const loss = assignmentLoss(labelRows(labels, volume), assignments, (l) => l * l);
      return loss + 0.7 * squaredRegularizer(student.bases);
    });
    expect(await totalOf(result)).toBeCloseTo(mean(losses), 4);
  });

  it('tpami is the released code, without its contrast of a volume with itself', async () => {
    const inputs = setUp(layout);
    const features = { student: inputs.features.student };
    const objective = createObjective('tpami', { regularizerWeight: 0.7, interVolumeWeight: 0.4 });
    const result = objective.loss({ ...inputs, features });
    const rows = await embed(inputs.projectors.student, inputs.features.student);
    const teacherRows = await embed(inputs.projectors.teacher, inputs.features.student);
    const labels = await labelsOf(inputs.labels);
    const negative = (l: number) => -Math.log(1 - l + 1e-6);
    const losses = volumes.map((volume) => {
      const student = byVolume(rows, layout, volume);
      const teacher = byVolume(teacherRows, layout, volume);
      const intra = assignmentLoss(labelRows(labels, volume), similarities(student.crops, teacher.bases), negative);
      const next = (volume + 1) % layout.volumes;
      const target = similarities(teacher.crops, byVolume(teacherRows, layout, next).bases);
      const inter = assignmentLoss(target, similarities(student.crops, byVolume(rows, layout, next).bases), negative);
      return intra + (layout.volumes > 1 ? 0.4 * inter : 0) + 0.7 * squaredRegularizer(student.bases);
    });
    expect(await totalOf(result)).toBeCloseTo(mean(losses), 4);
  });
});

describe('further forms', () => {
  const one: StepLayout = { volumes: 1, randomPerVolume: 1, basesPerVolume: 16 };
  const identity = { forward: (x: tf.Tensor2D) => x } as Projector;
  const lossOf = (name: ObjectiveName, rows: number[][], labels: number[], options = {}) => {
    const { parts, assignments } = createObjective(name, options).loss({
      features: { student: tf.tensor2d(rows) },
      labels: tf.tensor2d([labels]),
      layout: one,
      projectors: { student: identity },
    });
    const values = Object.fromEntries(Object.entries(parts).map(([part, x]) => [part, x.dataSync()[0]!]));
    return { ...values, assignments: Array.from(assignments.dataSync()) } as Record<string, number> & {
      assignments: number[];
    };
  };
  const partly = [0.25, 0.1, 0.5, 0.15, ...new Array<number>(12).fill(0)];
  const unit = (at: number): number[] => Array.from({ length: 16 }, (_, i) => (i === at ? 1 : 0));
  const same = Array.from({ length: 17 }, () => unit(0));

  it('nnssl has the figures of its own code', () => {
    const equal = lossOf('nnssl', same, partly);
    expect(equal.positive! + equal.negative!).toBeCloseTo(2.208, 3);
    expect(equal.regularizer).toBeCloseTo(1, 5);
    const orthogonal = lossOf('nnssl', [unit(0), ...unit(0).map((_, i) => unit(i))], partly);
    expect(orthogonal.positive! + orthogonal.negative!).toBeCloseTo(0.728, 3);
    expect(orthogonal.regularizer).toBeCloseTo(0, 6);
  });

  it('nnssl sums over the whole batch, not volume by volume', () => {
    // One volume has one base without overlap, the other three: all four weigh the same.
    const layout: StepLayout = { volumes: 2, randomPerVolume: 1, basesPerVolume: 4 };
    const crop = [1, 0];
    const far = [0, 1];
    const rows = [crop, crop, far, far, far, crop, far, far, far, far];
    const labels = tf.tensor2d([[0.4, 0.3, 0.3, 0], [1, 0, 0, 0]]); // prettier-ignore
    const inputs = { features: { student: tf.tensor2d(rows) }, labels, layout, projectors: { student: identity } };
    expect(createObjective('nnssl').loss(inputs).parts.negative!.dataSync()[0]).toBeCloseTo(1 / 4, 5);
  });

  it('softmax is a cross entropy: ln n at chance, the entropy of the label at best', () => {
    expect(lossOf('softmax', same, partly).prediction).toBeCloseTo(Math.log(16), 5);
    const sure = lossOf('softmax', [unit(0), ...unit(0).map((_, i) => unit(i))], unit(0), { temperature: 0.5 });
    expect(sure.prediction).toBeCloseTo(Math.log(Math.exp(2) + 15) - 2, 5);
    expect(sure.assignments.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(sure.assignments[0]).toBeCloseTo(Math.exp(2) / (Math.exp(2) + 15), 5);
  });

  it('a regulariser of weight 0 leaves the prediction alone', () => {
    for (const name of objectiveNames) {
      const inputs = setUp({ volumes: 2, randomPerVolume: 2, basesPerVolume: 4 });
      const { total, parts } = createObjective(name, { regularizerWeight: 0 }).loss(inputs);
      const rest = Object.entries(parts).filter(([part]) => part !== 'regularizer');
      const sum = rest.reduce((value, [, part]) => value + part.dataSync()[0]!, 0);
      expect(total.dataSync()[0], name).toBeCloseTo(sum, 5);
    }
  });
});

describe.each([
  ['without a teacher', false, false],
  ['with a teacher of the projector', false, true],
  ['with a teacher of the network', true, true],
] as const)('finite differences, %s', (_, encoder, projector) => {
  it.each(objectiveNames)('%s', (name) => {
    const { features, projectors, ...rest } = setUp({ volumes: 2, randomPerVolume: 2, basesPerVolume: 4 });
    const student = new Projector(projectors.student.parameters, FEATURES, { ...SIZES, norm: 'layer' });
    // The released regulariser has a gradient to one of each pair, so that it has no finite difference.
    const options = name === 'voco-10k' || name === 'tpami' ? { regularizerWeight: 0 } : {};
    const total = (x: tf.Tensor2D): tf.Scalar =>
      createObjective(name, options).loss({
        ...rest,
        features: { student: x, ...(encoder && { teacher: features.teacher }) },
        projectors: { student, ...(projector && { teacher: projectors.teacher }) },
      }).total;
    // What no gradient may reach stays as it is: a function of its own, beside the one that is moved.
    const fixed = features.student;
    const moved = (x: tf.Tensor2D): tf.Scalar => {
      const frozen = { forward: (rows: tf.Tensor2D) => (projector ? projectors.teacher : student).forward(rows) };
      return createObjective(name, options).loss({
        ...rest,
        features: { student: x, teacher: encoder ? features.teacher : fixed },
        projectors: { student, teacher: frozen as Projector },
      }).total;
    };
    const gradient = tf
      .grad((x) => total(x as tf.Tensor2D))(fixed)
      .dataSync<'float32'>();
    const random = new RandomStream(41);
    for (let trial = 0; trial < 4; trial++) {
      const direction = Float32Array.from(gradient, () => random.normal());
      const step = 2e-3;
      const at = (sign: number): number =>
        moved(tf.add(fixed, tf.mul(tf.tensor2d(direction, fixed.shape), sign * step)) as tf.Tensor2D).dataSync()[0]!;
      const expected = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      const measured = (at(1) - at(-1)) / (2 * step);
      expect(Math.abs(measured - expected), `${measured} and ${expected}`).toBeLessThan(
        0.02 * Math.max(1, Math.abs(expected)),
      );
    }
  });
});

describe('gradients', () => {
  const layout: StepLayout = { volumes: 2, randomPerVolume: 2, basesPerVolume: 4 };
  it.each(objectiveNames)('%s leaves the teacher alone', (name) => {
    const base = setUp(layout);
    const { student, teacher } = base.projectors;
    const loss = () => createObjective(name).loss(base).total;
    const variables = (p: Projector) => p.parameters.all.map(({ variable }) => variable);
    expect(() => tf.variableGrads(loss, variables(teacher))).toThrow(/Cannot find a connection/);
    const { grads } = tf.variableGrads(loss, variables(student));
    expect(Object.keys(grads)).toHaveLength(6);
    for (const { name, variable } of student.parameters.all) {
      const size = tf.norm(grads[variable.name]!).dataSync()[0]!;
      // The batch norm behind the first two layers takes any constant away, and with it the gradient of their biases.
      if (/^layer[12]\.0\.bias$/.test(name)) expect(size, name).toBeLessThan(1e-5);
      else expect(size, name).toBeGreaterThan(1e-3);
    }
  });

  it('cvpr-paper: the prediction moves the crops, not the bases', async () => {
    const base = setUp(layout);
    const objective = createObjective('cvpr-paper', { regularizerWeight: 0 });
    // With the projector's batch norm every row touches every other: look at the loss right behind it.
    const identity = { forward: (x: tf.Tensor2D) => x } as Projector;
    const rows = randomRows(5, 12, SIZES.out);
    const gradient = tf.grad((x) => {
      const inputs = { ...base, features: { student: x as tf.Tensor2D }, projectors: { student: identity } };
      return objective.loss(inputs).total;
    })(rows);
    const values = (await gradient.array()) as number[][];
    const size = (row: number[]) => Math.max(...row.map(Math.abs));
    expect(Math.max(...values.slice(4).map(size))).toBe(0);
    expect(Math.min(...values.slice(0, 4).map(size))).toBeGreaterThan(0);
  });

  it('cvpr-paper: the gradient of crops agrees with differences', async () => {
    const base = setUp(layout);
    const objective = createObjective('cvpr-paper', { regularizerWeight: 0 });
    const identity = { forward: (x: tf.Tensor2D) => x } as Projector;
    const loss = (x: tf.Tensor) =>
      objective.loss({ ...base, features: { student: x as tf.Tensor2D }, projectors: { student: identity } }).total;
    const rows = randomRows(5, 12, SIZES.out);
    const gradient = (await tf.grad(loss)(rows).array()) as number[][];
    const start = (await rows.array()) as number[][];
    for (const row of [0, 1, 2, 3]) {
      const length = Math.sqrt(gradient[row]!.reduce((sum, value) => sum + value ** 2, 0));
      const at = (step: number): number => {
        const moved = start[row]!.map((value, i) => value + (step / length) * gradient[row]![i]!);
        return loss(tf.tensor2d(Object.assign([...start], { [row]: moved }))).dataSync()[0]!;
      };
      expect((at(1e-3) - at(-1e-3)) / 2e-3 / length).toBeCloseTo(1, 1);
    }
  });
});

describe('stays finite', () => {
  it.each(objectiveNames)('%s with equal and with zero embeddings', (name) => {
    const layout: StepLayout = { volumes: 2, randomPerVolume: 1, basesPerVolume: 4 };
    const inputs = setUp(layout);
    for (const fill of [0, 3]) {
      const same = { forward: (x: tf.Tensor2D) => tf.add(tf.mul(x, 0), fill) as tf.Tensor2D } as Projector;
      const { value, grad } = tf.valueAndGrad((x) => {
        const features = { student: x as tf.Tensor2D, teacher: inputs.features.teacher };
        const projectors = { student: same, teacher: same };
        return createObjective(name).loss({ ...inputs, features, projectors }).total;
      })(inputs.features.student);
      expect(Number.isFinite(value.dataSync()[0])).toBe(true);
      expect(grad.dataSync<'float32'>().every(Number.isFinite)).toBe(true);
    }
  });
});

describe('feature dropout', () => {
  const ones = () => tf.ones([200, 50]) as tf.Tensor2D;

  it('drops single features, keeps the mean, and is a function of its stream', () => {
    const values = dropFeatures(ones(), 0.2, new RandomStream(7, 1)).dataSync<'float32'>();
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(dropped).toBeGreaterThan(0.18);
    expect(dropped).toBeLessThan(0.22);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1.25)]));
    for (let row = 0; row < 200; row++) {
      expect(values.subarray(row * 50, row * 50 + 50).some((value) => value > 0)).toBe(true);
    }
    expect(dropFeatures(ones(), 0.2, new RandomStream(7, 1)).dataSync()).toEqual(values);
    expect(dropFeatures(ones(), 0.2, new RandomStream(7, 2)).dataSync()).not.toEqual(values);
  });

  it('is off in validation', async () => {
    const layout: StepLayout = { volumes: 2, randomPerVolume: 2, basesPerVolume: 4 };
    const inputs = setUp(layout);
    const loss = async (random?: RandomStream) =>
      (
        await createObjective('tpami')
          .loss({ ...inputs, random })
          .total.data()
      )[0]!;
    expect(await loss()).toBe(await loss());
    expect(await loss(new RandomStream(1))).not.toBe(await loss());
  });
});

it('batch norm has mean 0 and variance 1 over the rows, without statistics of its own', () => {
  const y = batchNorm(tf.add(tf.mul(randomRows(3, 64, 5), 4), 7) as tf.Tensor2D);
  const { mean: m, variance } = tf.moments(y, 0);
  m.dataSync().forEach((value) => expect(value).toBeCloseTo(0, 5));
  variance.dataSync().forEach((value) => expect(value).toBeCloseTo(1, 4));
});

it('layer norm has mean 0 and variance 1 in each row, whatever the others are', () => {
  const rows = tf.add(tf.mul(randomRows(3, 6, 64), 4), 7) as tf.Tensor2D;
  const y = layerNorm(rows);
  const { mean: m, variance } = tf.moments(y, 1);
  m.dataSync().forEach((value) => expect(value).toBeCloseTo(0, 5));
  variance.dataSync().forEach((value) => expect(value).toBeCloseTo(1, 4));
  expect(layerNorm(tf.slice2d(rows, [2, 0], [1, 64])).dataSync()).toEqual(tf.slice2d(y, [2, 0], [1, 64]).dataSync());
});

it('an objective that does not exist is named', () => {
  expect(() => createObjective('voco-11k' as ObjectiveName)).toThrow(
    '"voco-11k" is not one of cvpr-paper, voco-10k, tpami, softmax, nnssl',
  );
});
