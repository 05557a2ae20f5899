import { beforeAll, describe, expect, it } from 'vitest';
import { vjp } from '../../src/tensor/autodiff';
import { AdamW } from '../../src/tensor/optim';
import * as tf from '../../src/tensor/tf';
import { toTorchLayout } from '../../src/tensor/torchLayout';
import type { Parameter } from '../../src/nets/parameters';
import type { StateEntry } from '../../src/nets/state';
import { VocoModel } from '../../src/pretext/voco/model';
import { usableBackends, useBackend } from '../support/backends';
import { nameDrawn, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import type { GradientSummary, Summary } from '../support/reference';
import { channelsLast, gradientError, summaryError } from '../support/reference';

interface Moved {
  idx: number[];
  student_after_step: number[];
  teacher_after_ema: number[];
}
interface Step {
  pos: number;
  neg: number;
  reg: number;
  total: number;
  logits: number[][];
  student_feats: Summary;
  student_emb: Summary;
  teacher_feats: Summary;
  teacher_emb: Summary;
  grads?: Record<string, GradientSummary>;
  params: Record<string, Moved>;
}
interface Fixture {
  seed: number;
  inputs: { img: string; crops: string };
  config: { feature_size: number; hidden: number; out_dim: number; roi: number; lr: number };
  labels: number[][];
  state_dict: [string, number[]][];
  steps: Step[];
}
const TOLERANCES = [
  { loss: 1e-4, features: 3e-5, embeddings: 1e-4 },
  { loss: 2e-3, features: 1e-3, embeddings: 3e-3 },
] as const;

/** Steps grow apart: behind the second, each may differ by ten times as much as the one before. */
function tolerancesOf(step: number) {
  const last = TOLERANCES.length - 1;
  const { loss, features, embeddings } = TOLERANCES[Math.min(step, last)]!;
  const factor = 10 ** Math.max(0, step - last);
  return { loss: loss * factor, features: features * factor, embeddings: embeddings * factor };
}

/** Their exact gradient is 0: the batch norm that follows takes any constant away. */
const ZERO = ['student.proj_head.layer1.0.bias', 'student.proj_head.layer2.0.bias'];
const CROPS_AT_A_TIME = 3;
/** A gradient that the reference's own float32 run misses may be missed by so many times its error. */
const OF_REFERENCE = 2.5;
/** What a sample of a gradient may differ by, in units of the tensor's root mean square. */
const GRADIENT = 1e-2;
/** A few units in the last place of float32. */
const ROUNDING = 3e-7;

function build({ config }: Fixture): VocoModel {
  return new VocoModel({
    network: { name: 'swin-unetr', featureSize: config.feature_size },
    objective: 'voco-10k',
    projector: { hidden: config.hidden, out: config.out_dim },
    seed: 0,
  });
}

const read = async (x: tf.Tensor): Promise<Float32Array> => (await x.data()) as Float32Array;

function crops({ seed, config: { roi }, inputs, labels }: Fixture): tf.Tensor5D[] {
  const formula = new Formula(seed);
  const load = (description: string, count: number) => {
    const values = formula.image(nameDrawn('image', description), [count, 1, roi, roi, roi]);
    return channelsLast(values, [count, 1, roi, roi, roi]);
  };
  const all = tf.tidy(() => tf.concat([load(inputs.img, labels.length), load(inputs.crops, labels[0]!.length)], 0));
  const count = all.shape[0];
  const sizes = Array.from({ length: Math.ceil(count / CROPS_AT_A_TIME) }, (_, i) =>
    Math.min(CROPS_AT_A_TIME, count - i * CROPS_AT_A_TIME),
  );
  const pieces = tf.split(all, sizes, 0) as tf.Tensor5D[];
  all.dispose();
  return pieces;
}

function encodeAll(pieces: tf.Tensor5D[], encode: (x: tf.Tensor5D) => tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() =>
    tf.concat(
      pieces.map((piece) => encode(piece)),
      0,
    ),
  );
}

/** The encoder's gradients, a few crops at a time. */
function pullBack(model: VocoModel, pieces: tf.Tensor5D[], featureGradient: tf.Tensor2D): tf.Tensor[] {
  const variables = model.encoderVariables().map(({ variable }) => variable);
  const dys = tf.split(
    featureGradient,
    pieces.map((piece) => piece.shape[0]),
    0,
  );
  return tf.tidy(() => {
    const parts = pieces.map((piece, i) => vjp(() => [model.encode(piece)], [dys[i]!], variables).gradients);
    return variables.map((_, i) => tf.addN(parts.map((part) => part[i]!)));
  });
}

function parameterByName(model: VocoModel): Map<string, Parameter> {
  const map = new Map<string, Parameter>();
  const add = (prefix: string, list: readonly Parameter[]) => list.forEach((item) => map.set(prefix + item.name, item));
  add('student.', model.student.parameters.all);
  add('student.proj_head.', model.projector.parameters.all);
  add('teacher.', model.teacher!.parameters.all);
  add('teacher.proj_head.', model.teacherProjector!.parameters.all);
  return map;
}

/** How far a gradient moved, in the measure of `gradientError`. */
function moved(from: ArrayLike<number>, to: ArrayLike<number>): number {
  let worst = 0;
  let squares = 0;
  for (let i = 0; i < from.length; i++) {
    worst = Math.max(worst, Math.abs(from[i]! - to[i]!));
    squares += from[i]! ** 2;
  }
  return worst / Math.sqrt(squares / from.length);
}

/**
 * How far rounding of the crops moves each gradient, the most of some draws: a slope of LeakyReLU that changes with it makes the
 * gradient jump. Neither side of a jump is wrong.
 */
async function rounding(gradients: tf.Tensor[], pieces: tf.Tensor5D[], again: (pieces: tf.Tensor5D[]) => tf.Tensor[]) {
  const jumps = gradients.map(() => 0);
  for (const seed of [1, 2, 3]) {
    const near = pieces.map((piece) =>
      tf.tidy(() => tf.mul(piece, tf.randomUniform(piece.shape, 1 - ROUNDING, 1 + ROUNDING, 'float32', seed))),
    ) as tf.Tensor5D[];
    const others = again(near);
    for (const [i, other] of others.entries()) {
      jumps[i] = Math.max(jumps[i]!, moved(await read(gradients[i]!), await read(other)));
    }
    tf.dispose([near, others]);
  }
  return jumps;
}

/** @returns whether rounding alone moves some gradient further than it may differ */
async function checkGradients(
  model: VocoModel,
  gradients: tf.Tensor[],
  step: Step,
  jumpsOf: () => Promise<number[]>,
): Promise<boolean> {
  const parameters = parameterByName(model);
  const errors: number[] = [];
  let jumps: number[] | undefined;
  for (const [i, { name }] of model.trainableVariables().entries()) {
    const actual = toTorchLayout(await read(gradients[i]!), parameters.get(name)!.torchShape);
    if (ZERO.includes(name)) {
      expect(Math.max(...actual.map(Math.abs)), name).toBeLessThan(1e-5);
      continue;
    }
    const error = gradientError(actual, step.grads![name]!);
    const own = step.grads![name]!.f32_rel_l2_err ?? 0;
    const bound = Math.max(GRADIENT, OF_REFERENCE * own);
    if (error >= bound) jumps ??= await jumpsOf();
    expect(error, name).toBeLessThan(Math.max(bound, OF_REFERENCE * (jumps?.[i] ?? 0)));
    errors.push(error);
  }
  expect(errors.sort((a, b) => a - b)[Math.floor(errors.length / 2)]!).toBeLessThan(jumps ? GRADIENT : 1e-3);
  return jumps !== undefined;
}

type Difference = (name: string, difference: number) => void;

async function compare(
  model: VocoModel,
  expected: Record<string, Moved>,
  side: 'student' | 'teacher',
  check: Difference,
) {
  const parameters = parameterByName(model);
  for (const [name, moved] of Object.entries(expected)) {
    const parameter = parameters.get(`${side}.${name}`)!;
    const actual = toTorchLayout(await read(parameter.variable), parameter.torchShape);
    const values = side === 'student' ? moved.student_after_step : moved.teacher_after_ema;
    moved.idx.forEach((at, i) => check(`${side}.${name}[${at}]`, Math.abs(actual[at]! - values[i]!)));
  }
}

/** The teacher takes over a tenth of the student's differences each time, and these may grow by 2·lr a step. */
async function checkTeacher(model: VocoModel, expected: Record<string, Moved>, lr: number, steps: number) {
  const bound = 0.3 * lr * Math.max(1, (steps * (steps + 1)) / 2);
  await compare(model, expected, 'teacher', (name, difference) => expect(difference, name).toBeLessThan(bound));
}

/**
 * The first step of Adam is lr·sign(gradient): where a gradient is almost 0 both signs are right and the weights differ by
 * 2·lr. Where the reference's gradient is half as large as is usual in its tensor, the sign is known and the weight must be
 * right; of all samples, almost all are.
 */
async function checkStudent(model: VocoModel, { params: expected, grads }: Step, lr: number): Promise<void> {
  const differences: number[] = [];
  let clear = 0;
  const parameters = parameterByName(model);
  for (const [name, moved] of Object.entries(expected)) {
    const full = `student.${name}`;
    const gradient = grads?.[full];
    if (!gradient || ZERO.includes(full)) continue;
    const parameter = parameters.get(full)!;
    const actual = toTorchLayout(await read(parameter.variable), parameter.torchShape);
    const typical = gradient.l2 / Math.sqrt(gradient.shape.reduce((a, b) => a * b, 1));
    moved.idx.forEach((at, i) => {
      const known = gradient.values[gradient.idx.indexOf(at)];
      if (known === undefined || Math.abs(known) < 0.5 * typical) return;
      clear += 1;
      expect(Math.abs(actual[at]! - moved.student_after_step[i]!), `${full}[${at}]`).toBeLessThan(0.01 * lr);
    });
  }
  await compare(model, expected, 'student', (name, difference) => {
    expect(difference, name).toBeLessThan(2.1 * lr);
    differences.push(difference);
  });
  expect(differences.filter((difference) => difference > 0.02 * lr).length / differences.length).toBeLessThan(0.05);
  expect(clear).toBeGreaterThan(differences.length / 4);
}

const backends = await usableBackends('network');

withFixtures<[Fixture]>('the released code', ['voco_step.json'], (fixture) => {
  it('has the same names and shapes', async () => {
    await useBackend('cpu');
    const model = build(fixture);
    const entries = await model.stateDict();
    expect(entries.map(({ name, shape }) => [name, shape])).toEqual(fixture.state_dict);
    model.dispose();
  });

  describe.each(backends)('a training step and the forward pass of the next on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it('gives its losses, features, gradients and weights', async () => {
      const formula = new Formula(fixture.seed);
      const { lr } = fixture.config;
      const model = build(fixture);
      const values: StateEntry[] = (await model.stateDict())
        .filter(({ name }) => !name.endsWith('relative_position_index'))
        .map(({ name, shape }) => ({ name, shape, data: formula.parameterValue(name, shape) }));
      model.loadStateDict(values);
      const optimizer = new AdamW(new Map(model.trainableVariables().map(({ name, variable }) => [name, variable])), {
        amsgrad: true,
      });
      const pieces = crops(fixture);
      const labels = tf.tensor2d(fixture.labels);
      const layout = { volumes: 1, randomPerVolume: fixture.labels.length, basesPerVolume: fixture.labels[0]!.length };

      // Behind a gradient that rounding moves by per cents, the weights are known tenfold worse.
      let jumped = 0;
      for (const [i, step] of fixture.steps.entries()) {
        const tolerance = tolerancesOf(i + jumped);
        const student = encodeAll(pieces, (x) => model.encode(x));
        model.updateTeacher();
        const teacher = encodeAll(pieces, (x) => model.encodeTeacher(x));
        expect(summaryError(await read(student), step.student_feats)).toBeLessThan(tolerance.features);
        expect(summaryError(await read(teacher), step.teacher_feats)).toBeLessThan(tolerance.features);

        const result = model.lossAndGradients({ student, teacher }, labels, layout);
        expect(summaryError(await read(result.embeddings), step.student_emb)).toBeLessThan(tolerance.embeddings);
        const teacherRows = model.teacherProjector!.forward(teacher);
        expect(summaryError(await read(teacherRows), step.teacher_emb)).toBeLessThan(tolerance.embeddings);
        const assignments = await read(result.assignments);
        step.logits.flat().forEach((value, k) => {
          expect(Math.abs(assignments[k]! - value)).toBeLessThan(tolerance.embeddings);
        });
        const relative = async (x: tf.Scalar, expected: number) => Math.abs((await read(x))[0]! / expected - 1);
        expect(await relative(result.parts.positive!, step.pos)).toBeLessThan(tolerance.loss);
        expect(await relative(result.parts.negative!, step.neg)).toBeLessThan(tolerance.loss);
        expect(await relative(result.parts.regularizer!, step.reg)).toBeLessThan(tolerance.loss);
        expect(await relative(result.total, step.total)).toBeLessThan(tolerance.loss);

        await checkTeacher(model, step.params, lr, i);
        // The last step needs none where the reference gives only its forward pass.
        if (step.grads || i + 1 < fixture.steps.length) {
          const gradients = [...pullBack(model, pieces, result.featureGradient), ...result.projectorGradients];
          const again = (near: tf.Tensor5D[]) => {
            const rows = encodeAll(near, (x) => model.encode(x));
            const other = model.lossAndGradients({ student: rows, teacher }, labels, layout);
            return [...pullBack(model, near, other.featureGradient), ...other.projectorGradients];
          };
          const jumps = () => rounding(gradients, pieces, again);
          if (step.grads && (await checkGradients(model, gradients, step, jumps))) jumped = 1;
          optimizer.step(gradients, lr);
          if (step.grads) await checkStudent(model, step, lr);
          tf.dispose(gradients);
        }
        tf.dispose([
          student,
          teacher,
          teacherRows,
          result.featureGradient,
          result.total,
          result.assignments,
          result.embeddings,
        ]);
      }
      model.dispose();
    });
  });
});
