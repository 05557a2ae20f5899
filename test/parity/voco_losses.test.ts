import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { positiveLoss, releasedRegularizer, squaredNegativeLoss } from '../../src/pretext/voco/objectives/terms';
import { assign } from '../../src/pretext/voco/tensors';
import * as tf from '../../src/tensor/tf';
import { releaseBackends, usableBackends, useBackend } from '../support/backends';
import { nameDrawn, withFixtures } from '../support/fixtures';
import { Formula } from '../support/formula';
import { summaryError, type Summary } from '../support/reference';

interface LossCase {
  shape: { feats: [number, number]; bases: [number, number] };
  labels: number[][];
  logits1_feats_vs_bases_t: number[][];
  logits2_feats_t_vs_bases: number[][];
  pos: number;
  neg: number;
  reg: number;
  d_pos_d_feats: Summary;
  d_pos_d_bases: Summary;
  d_neg_d_feats: Summary;
  d_neg_d_bases: Summary;
  d_reg_d_bases: Summary;
  d_total_d_feats: Summary;
  d_total_d_bases: Summary;
}
interface Corner {
  labels: number[];
  logits: number[];
  pos: number;
  neg: number;
  d_pos_d_logits: number[];
  d_neg_d_logits: number[];
}
interface Fixture {
  seed: number;
  shift: number;
  /** How the embeddings are drawn: the pattern of their names. */
  inputs: string;
  cases: LossCase[];
  ce_loss_corner_cases: Corner[];
  zero_vector: { logits: number[]; grad: number[] };
}

const TOLERANCE = 1e-5;

const read = async (x: tf.Tensor): Promise<number[]> => Array.from(await x.data());

const close = (actual: number, expected: number) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(TOLERANCE * Math.max(Math.abs(expected), 1e-2));

afterAll(releaseBackends);

const backends = await usableBackends('block');

/** Rows as those of one volume, [1, rows, E]. */
const rowsOf = (values: Float32Array, count: number): tf.Tensor3D =>
  tf.tensor3d(values, [1, count, values.length / count]);

withFixtures<[Fixture]>('losses of the released code', ['voco_losses.json'], (fixture) => {
  const formula = new Formula(fixture.seed);
  /** A formula embedding, and its shift. */
  const rows = (name: string, shape: [number, number]): tf.Tensor3D =>
    rowsOf(
      formula.uniformArray(name, shape).map((x) => x + fixture.shift),
      shape[0],
    );

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => useBackend(backend));

    it.each(fixture.cases.map((item) => [`${item.shape.feats.join('×')} crops`, item] as const))(
      '%s',
      async (_, item) => {
        // The reference numbers its cases by their shapes.
        const pattern = nameDrawn('uniform', fixture.inputs).replace('<case>', String(fixture.cases.indexOf(item)));
        const drawn = (kind: string, shape: [number, number]) => rows(pattern.replace(/feats$/, kind), shape);
        const feats = drawn('feats', item.shape.feats);
        const bases = drawn('bases', item.shape.bases);
        const featsTeacher = drawn('feats_t', item.shape.feats);
        const basesTeacher = drawn('bases_t', item.shape.bases);
        const labels = tf.tensor3d([item.labels]);
        const studentToTeacher = (f: tf.Tensor3D) => assign(f, basesTeacher);
        const teacherToStudent = (b: tf.Tensor3D) => assign(featsTeacher, b);
        const errors = (actual: number[], expected: number[][]) => {
          expected.flat().forEach((value, i) => expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(TOLERANCE));
        };
        errors(await read(studentToTeacher(feats)), item.logits1_feats_vs_bases_t);
        errors(await read(teacherToStudent(bases)), item.logits2_feats_t_vs_bases);

        const mean = (f: tf.Tensor3D, b: tf.Tensor3D) =>
          tf.mul<tf.Tensor3D>(tf.add(studentToTeacher(f), teacherToStudent(b)), 0.5);
        const terms = {
          pos: (f: tf.Tensor, b: tf.Tensor) => positiveLoss(labels, mean(f as tf.Tensor3D, b as tf.Tensor3D)),
          neg: (f: tf.Tensor, b: tf.Tensor) => squaredNegativeLoss(labels, mean(f as tf.Tensor3D, b as tf.Tensor3D)),
          reg: (_f: tf.Tensor, b: tf.Tensor) => releasedRegularizer(b as tf.Tensor3D),
        };
        const total = (f: tf.Tensor, b: tf.Tensor) => tf.addN([terms.pos(f, b), terms.neg(f, b), terms.reg(f, b)]);
        const gradientsOf = async (loss: (f: tf.Tensor, b: tf.Tensor) => tf.Tensor) => {
          const { value, grads } = tf.valueAndGrads((f, b) => loss(f!, b!) as tf.Scalar)([feats, bases]);
          return { value: (await value.data())[0]!, feats: await read(grads[0]!), bases: await read(grads[1]!) };
        };
        const pos = await gradientsOf(terms.pos);
        const neg = await gradientsOf(terms.neg);
        const reg = await tf.valueAndGrads((b) => terms.reg(feats, b!))([bases]);
        const all = await gradientsOf(total);
        close(pos.value, item.pos);
        close(neg.value, item.neg);
        close((await reg.value.data())[0]!, item.reg);
        const pairs: [number[], Summary][] = [
          [pos.feats, item.d_pos_d_feats],
          [pos.bases, item.d_pos_d_bases],
          [neg.feats, item.d_neg_d_feats],
          [neg.bases, item.d_neg_d_bases],
          [await read(reg.grads[0]!), item.d_reg_d_bases],
          [all.feats, item.d_total_d_feats],
          [all.bases, item.d_total_d_bases],
        ];
        for (const [actual, expected] of pairs) expect(summaryError(actual, expected)).toBeLessThanOrEqual(TOLERANCE);
      },
    );

    it.each(fixture.ce_loss_corner_cases)('labels $labels with assignments $logits', async (corner) => {
      const labels = tf.tensor3d([[corner.labels]]);
      const assignments = tf.tensor3d([[corner.logits]]);
      const check = async (loss: (x: tf.Tensor3D) => tf.Scalar, value: number, gradient: number[]) => {
        const { value: actual, grads } = tf.valueAndGrads((x) => loss(x as tf.Tensor3D))([assignments]);
        // Logarithms next to 1 lose all but the last digits of the guard 1e-6 in float32.
        expect(Math.abs((await actual.data())[0]! - value)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(value)));
        const found = await read(grads[0]!);
        gradient.forEach((g, i) =>
          expect(Math.abs(found[i]! - g)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(g))),
        );
      };
      await check((x) => positiveLoss(labels, x), corner.pos, corner.d_pos_d_logits);
      await check((x) => squaredNegativeLoss(labels, x), corner.neg, corner.d_neg_d_logits);
    });

    it('a zero vector has cosine 0 and no gradient', async () => {
      const [count, size] = [fixture.zero_vector.logits.length, fixture.zero_vector.grad.length];
      // Any bases: the file does not name them, and their cosine with zero is 0.
      const bases = rowsOf(formula.uniformArray('zero.bases', [count, size]), count);
      const zero = tf.zeros([1, 1, size]) as tf.Tensor3D;
      expect(await read(assign(zero, bases))).toEqual(fixture.zero_vector.logits);
      const gradient = tf.grad((x) => tf.sum(assign(x as tf.Tensor3D, bases)))(zero);
      expect((await read(gradient)).map(Math.abs)).toEqual(fixture.zero_vector.grad);
    });
  });
});
