import { createEncoder } from '../../nets';
import type { AnswerPart } from '../../tasks';
import * as tf from '../../tensor/tf';
import { classAnswer, numbersOf } from '../crops/answers';
import { classLoss } from '../crops/losses';
import { asStudent, featureNorm, firstRows, linearHead } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { inputTensor } from '../crops/tensors';
import { turnName } from '../crops/turns';
import { cubeSize, jigsawDescriptor, type JigsawMethod } from './descriptor';
import { permutationTable } from './permutations';
import { assembled, CUBE_TURNS, solved } from './sampler';

/** Numbers that are kept of each cube's features (the authors' code: 64). */
const CUBE_FEATURES = 64;

/** Every `step`-th label from `first` on. */
const everyNth = ({ labels }: CropBatch, first: number, step: number): Uint8Array =>
  Uint8Array.from({ length: Math.ceil((labels.length - first) / step) }, (_, i) => labels[first + i * step]!);

/** The cubes of a batch's first crop. */
function firstCrop({ inputs, labels, ...batch }: CropBatch, places: number): CropBatch {
  const share = places / batch.rows;
  const part = <T extends Float32Array | Uint8Array>(all: T): T => all.slice(0, all.length * share) as T;
  return { ...batch, rows: places, inputs: part(inputs), labels: part(labels) };
}

/** The rows of a batch of one crop. */
function cubesOf({ inputs, rows }: CropBatch): Float32Array[] {
  const length = inputs.length / rows;
  return Array.from({ length: rows }, (_, row) => inputs.slice(row * length, (row + 1) * length));
}

/** What the network gives for the cubes of a crop: probabilities. */
interface Given {
  /** `[orders]` */
  readonly order: Float32Array;
  readonly orderLoss: Float32Array;
  /** `[cubes, turns]` */
  readonly turns?: Float32Array;
  readonly turnLoss?: Float32Array;
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((best, value, i, all) => (value > all[best]! ? i : best), 0);

/** The cubes as the network would put them together, the orders it takes for likely, and the turns of the cubes. */
function answerOf({ order, orderLoss, turns, turnLoss }: Given, batch: CropBatch, method: JigsawMethod): AnswerPart[] {
  const cubes = cubesOf(batch);
  const n = CUBE_TURNS.length;
  const turnOf = (place: number): number => (turns ? largest(turns.subarray(place * n, (place + 1) * n)) : 0);
  const told = { order: largest(order), turns: cubes.map((_, place) => turnOf(place)) };
  const { voxels, gaps } = assembled(solved(cubes, told, method), method);
  const orders = { name: 'Which order', classes: Array.from(order, (_, i) => `order ${i + 1}`), rows: ['the crop'] };
  const ownTurns = {
    name: 'Which turn of each cube',
    classes: CUBE_TURNS.map(turnName),
    rows: cubes.map((_, i) => `cube ${i + 1}`),
  };
  return [
    { kind: 'image', image: { name: 'The cubes as it would put them', voxels, hidden: gaps }, scores: {} },
    classAnswer(orders, order, batch.labels, orderLoss[0]!),
    ...(turns ? [classAnswer(ownTurns, turns, everyNth(batch, 1, 2), turnLoss![0]!)] : []),
  ];
}

/**
 * Cross entropy of the permutation from all cubes of a crop together, and of the turn from each cube alone, half of their sum each
 * (the authors' code weighs permutation and turns so; it tells the turns by two bits instead of three classes).
 */
export const jigsawTask = cropTask<JigsawMethod>({
  descriptor: jigsawDescriptor,
  rowSize: cubeSize,
  rowsPerCrop: ({ cubes }) => cubes ** 3,
  tied: true,
  trial: (batch) => ({ ...batch, labels: new Uint8Array(2 * batch.rows) }),
  learner(making, method) {
    const { cubes, permutations, turns } = method;
    const { net, module } = asStudent(making, createEncoder);
    const places = cubes ** 3;
    const cube = linearHead(making, 'cube', net.pooledSize, CUBE_FEATURES);
    const norm = featureNorm(making, CUBE_FEATURES);
    const order = linearHead(making, 'order', places * CUBE_FEATURES, permutationTable(places, permutations).length);
    const turn = turns ? linearHead(making, 'turns', CUBE_FEATURES, CUBE_TURNS.length) : undefined;
    const modules = [module, cube.module, norm.module, order.module, ...(turn ? [turn.module] : [])];
    const logits = (pooled: tf.Tensor2D) => {
      const features = norm.forward(tf.relu(cube.forward(pooled)));
      const together = tf.reshape(features, [pooled.shape[0] / places, places * CUBE_FEATURES]) as tf.Tensor2D;
      return { order: order.forward(together), turns: turn?.forward(features) };
    };
    const judge = ({ order: orders, turns: turned }: ReturnType<typeof logits>, batch: CropBatch) => ({
      order: classLoss(orders, everyNth(batch, 0, 2 * places)),
      turns: turned && classLoss(turned, everyNth(batch, 1, 2)),
    });
    return {
      modules,
      loss: {
        // The batch norm ties all cubes together.
        reach: 'batch',
        rows: ({ rows }) => rows,
        forward: (batch, rows) => ({ vectors: net.pooled(inputTensor(batch, rows)) }),
        joint({ student }, batch) {
          const { order: told, turns: turnsTold } = judge(logits(student), batch);
          if (!turnsTold) return { loss: told.loss, orderLoss: told.loss.clone(), order: told.accuracy };
          return {
            loss: tf.mul(tf.add(told.loss, turnsTold.loss), 0.5) as tf.Scalar,
            orderLoss: told.loss,
            order: told.accuracy,
            turnLoss: turnsTold.loss,
            turned: turnsTold.accuracy,
          };
        },
        describe: ({ loss, ...parts }) => ({ loss, ...(parts as Record<string, tf.Scalar>) }),
      },
      async answer(batch, vectors) {
        const crop = firstCrop(batch, places);
        const given = await numbersOf(() => {
          const all = logits(vectors!);
          const told = { order: firstRows(all.order, 1), turns: all.turns && firstRows(all.turns, places) };
          const losses = judge(told, crop);
          return {
            order: tf.softmax(told.order),
            orderLoss: losses.order.loss,
            ...(told.turns && { turns: tf.softmax(told.turns), turnLoss: losses.turns!.loss }),
          };
        });
        return answerOf(given, crop, method);
      },
    };
  },
  told: { metric: 'order', text: 'permutations', share: true },
});
