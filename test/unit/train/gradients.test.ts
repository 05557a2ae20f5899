import { beforeAll, describe, expect, it } from 'vitest';
import type { Batch, SampleLoss, VectorLoss } from '../../../src/tasks';
import { disposeGradients, valueAndGradients } from '../../../src/tensor/autodiff';
import * as tf from '../../../src/tensor/tf';
import { evaluateLoss, gradientOf } from '../../../src/train/gradients';
import { useBackend } from '../../support/backends';

beforeAll(() => useBackend('cpu'));

/** Rows of three numbers. */
interface RowsBatch extends Batch {
  readonly values: Float32Array;
}

const ROWS = 7;
const batch: RowsBatch = {
  cases: ['rows'],
  values: Float32Array.from({ length: 3 * ROWS }, (_, i) => Math.sin(1 + 2.3 * i)),
};
const rowsOf = (of: RowsBatch, { first, count }: { first: number; count: number }): tf.Tensor2D =>
  tf.tensor2d(of.values.slice(3 * first, 3 * (first + count)), [count, 3]);
const all = { first: 0, count: ROWS };

function variables() {
  const encoder = tf.variable(tf.tensor2d([0.3, -0.5, 0.8, 0.1, -0.7, 0.4], [3, 2]));
  const head = tf.variable(tf.tensor2d([0.9, -0.2, 0.5, 0.6], [2, 2]));
  const decoder = tf.variable(tf.tensor2d([0.2, 0.7, -0.4], [3, 1]));
  return { encoder, head, decoder, list: [encoder, head, decoder] };
}
type Variables = ReturnType<typeof variables>;

/** Ties all rows together by the variance of their projected vectors; a reconstruction is a mean over rows. */
function tiedLoss({ encoder, head, decoder }: Variables, seen: string[] = []): VectorLoss<RowsBatch> {
  return {
    reach: 'batch',
    rows: () => ROWS,
    forward(of, rows) {
      const x = rowsOf(of, rows);
      const loss = tf.mean(tf.square(tf.matMul(x, decoder))) as tf.Scalar;
      return { vectors: tf.tanh(tf.matMul<tf.Tensor2D>(x, encoder)), terms: { loss, rebuilt: tf.mul(loss, 2) } };
    },
    follow: () => seen.push('followed'),
    fixed: (of, rows) => {
      seen.push(`fixed ${rows.count}`);
      return tf.mul<tf.Tensor2D>(rowsOf(of, rows), 0.1);
    },
    joint({ student, fixed }) {
      const projected = tf.matMul(student, head);
      const { variance } = tf.moments(projected, 0);
      const pull = tf.mean(tf.mul(tf.sum(projected, 1), tf.sum(fixed!, 1)));
      return { loss: tf.add(tf.sum(variance), pull) as tf.Scalar, projected };
    },
    describe: ({ loss, projected }) => ({ loss, largest: tf.max(projected as tf.Tensor) as tf.Scalar }),
    updated: () => seen.push('updated'),
  };
}

/** The same loss in one go, by nothing but the tape. */
function whole(of: Variables): { loss: number; gradients: number[][] } {
  const loss = tiedLoss(of);
  const { value, gradients } = valueAndGradients(() => {
    const { vectors, terms } = loss.forward(batch, all);
    const joint = loss.joint({ student: vectors, fixed: loss.fixed!(batch, all) }, batch);
    return { loss: tf.add<tf.Scalar>(joint.loss, terms!.loss) };
  }, of.list);
  return { loss: value.loss.dataSync()[0]!, gradients: gradients.map((one) => Array.from(one!.dataSync())) };
}

const close = (found: number[][], wanted: number[][]): void =>
  wanted.forEach((row, i) => row.forEach((value, j) => expect(found[i]![j]).toBeCloseTo(value, 5)));

describe('the gradient of a loss that ties rows together through vectors', () => {
  it.each([1, 2, 3, 7, 100])('is that of the whole batch, %i rows at a time', async (microBatch) => {
    const of = variables();
    const wanted = whole(of);
    expect(Math.max(...wanted.gradients.flat().map(Math.abs))).toBeGreaterThan(0.1);
    const seen: string[] = [];
    const before = tf.memory().numTensors;
    const { gradients, scalars, updated, dispose } = await gradientOf(tiedLoss(of, seen), batch, {
      variables: of.list,
      microBatch,
    });
    updated();
    close(
      gradients.map((one) => Array.from(one!.dataSync())),
      wanted.gradients,
    );
    expect(Object.keys(scalars).sort()).toEqual(['largest', 'loss', 'rebuilt']);
    expect(scalars.loss.dataSync()[0]).toBeCloseTo(wanted.loss, 5);
    expect(seen[0]).toBe('followed');
    expect(seen.at(-1)).toBe('updated');
    expect(seen.filter((text) => text.startsWith('fixed'))).toHaveLength(Math.ceil(ROWS / microBatch));
    disposeGradients(gradients);
    dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is scaled, and null for what is not asked for or not reached', async () => {
    const of = variables();
    const idle = tf.variable(tf.scalar(1));
    const { gradients } = await gradientOf(tiedLoss(of), batch, {
      variables: [of.head, idle],
      microBatch: 3,
      scale: 8,
    });
    const wanted = whole(of).gradients[1]!.map((value) => 8 * value);
    close([Array.from(gradients[0]!.dataSync())], [wanted]);
    expect(gradients[1]).toBeNull();
  });

  it('agrees with finite differences', async () => {
    const of = variables();
    const { gradients } = await gradientOf(tiedLoss(of), batch, { variables: of.list, microBatch: 2 });
    const step = 1e-2;
    for (const [v, variable] of of.list.entries()) {
      const start = Array.from(variable.dataSync());
      for (const i of start.keys()) {
        const at = async (value: number): Promise<number> => {
          variable.assign(tf.tensor(Object.assign([...start], { [i]: value }), variable.shape));
          return (await evaluateLoss(tiedLoss(of), batch, 3)).loss!;
        };
        const slope = ((await at(start[i]! + step)) - (await at(start[i]! - step))) / (2 * step);
        expect(gradients[v]!.dataSync()[i]).toBeCloseTo(slope, 2);
      }
      variable.assign(tf.tensor(start, variable.shape));
    }
  });

  it('is not followed in validation, which gives the same scalars', async () => {
    const of = variables();
    const seen: string[] = [];
    const wanted = whole(of);
    const before = tf.memory().numTensors;
    const scalars = await evaluateLoss(tiedLoss(of, seen), batch, 2);
    expect(scalars.loss).toBeCloseTo(wanted.loss, 5);
    expect(Object.keys(scalars).sort()).toEqual(['largest', 'loss', 'rebuilt']);
    expect(seen).not.toContain('followed');
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('the gradient of a loss that is a mean over rows', () => {
  it.each([1, 3, 7])('adds up, %i rows at a time', async (microBatch) => {
    const { encoder } = variables();
    const loss: SampleLoss<RowsBatch> = {
      reach: 'sample',
      rows: () => ROWS,
      loss(of, rows) {
        const y = tf.matMul(rowsOf(of, rows), encoder);
        return { loss: tf.mean(tf.square(y)) as tf.Scalar, mean: tf.mean(y) as tf.Scalar };
      },
    };
    const { value, gradients: wanted } = valueAndGradients(() => ({ ...loss.loss(batch, all) }), [encoder]);
    const { gradients, scalars } = await gradientOf(loss, batch, { variables: [encoder], microBatch });
    close([Array.from(gradients[0]!.dataSync())], [Array.from(wanted[0]!.dataSync())]);
    expect(scalars.loss.dataSync()[0]).toBeCloseTo(value.loss.dataSync()[0]!, 6);
    expect(scalars.mean!.dataSync()[0]).toBeCloseTo(value.mean!.dataSync()[0]!, 6);
  });
});

describe('a step that is broken off between two pieces', () => {
  /** The tied loss with a teacher that it moves. */
  function followed(of: Variables, teacher: tf.Variable): VectorLoss<RowsBatch> {
    return {
      ...tiedLoss(of),
      follow: () => tf.tidy(() => teacher.assign(tf.add(teacher, 1))),
      remember() {
        const before = teacher.clone();
        return {
          forget: () => before.dispose(),
          restore() {
            teacher.assign(before);
            before.dispose();
          },
        };
      },
    };
  }
  const stopped = new Error('stopped');

  it.each([
    ['all rows on the tape', 100],
    ['some rows in memory', 4],
  ])('leaves no tensor and no trace behind: %s', async (_, microBatch) => {
    const of = variables();
    const teacher = tf.variable(tf.scalar(3));
    const loss = followed(of, teacher);
    const turns: string[] = [];
    const giveWay = (upTo: number) => async (done: number, total: number) => {
      turns.push(`${done}/${total}`);
      if (done === upTo) throw stopped;
    };
    const pieces = { variables: of.list, microBatch, pieceRows: 2 };
    const whole = await gradientOf(loss, batch, { ...pieces, giveWay: giveWay(Infinity) });
    expect(turns).toEqual(Array.from({ length: 12 }, (_, i) => `${i + 1}/12`));
    disposeGradients(whole.gradients);
    whole.dispose();
    expect(teacher.dataSync()[0]).toBe(4);
    const before = tf.memory().numTensors;
    for (let upTo = 1; upTo <= 12; upTo++) {
      await expect(gradientOf(loss, batch, { ...pieces, giveWay: giveWay(upTo) })).rejects.toBe(stopped);
      expect(teacher.dataSync()[0], `after ${upTo} pieces`).toBe(4);
      expect(tf.memory().numTensors, `after ${upTo} pieces`).toBe(before);
    }
  });

  it('goes on to its end where a teacher has moved that nobody remembers', async () => {
    const of = variables();
    const seen: string[] = [];
    const giveWay = async (): Promise<void> => {
      if (seen.includes('followed')) throw stopped;
    };
    const { gradients, dispose } = await gradientOf(tiedLoss(of, seen), batch, {
      variables: of.list,
      microBatch: 2,
      giveWay,
    });
    disposeGradients(gradients);
    dispose();
    expect(seen).toContain('fixed 1');
  });

  it.each([1, 3])('leaves none of a mean over rows either, after piece %i', async (upTo) => {
    const of = variables();
    const loss: SampleLoss<RowsBatch> = {
      reach: 'sample',
      rows: () => ROWS,
      loss: (b, rows) => ({ loss: tf.mean(tf.square(tf.matMul(rowsOf(b, rows), of.decoder))) as tf.Scalar }),
    };
    const before = tf.memory().numTensors;
    const giveWay = async (done: number): Promise<void> => {
      if (done === upTo) throw stopped;
    };
    const pieces = { variables: [of.decoder], microBatch: 100, pieceRows: 2, giveWay };
    await expect(gradientOf(loss, batch, pieces)).rejects.toBe(stopped);
    expect(tf.memory().numTensors).toBe(before);
  });
});
