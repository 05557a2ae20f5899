import { createEncoder } from '../../nets';
import * as tf from '../../tensor/tf';
import { classLoss } from '../crops/losses';
import { asStudent, linearHead } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { inputTensor } from '../crops/tensors';
import { cubeSize, jigsawDescriptor, type JigsawMethod } from './descriptor';
import { permutationTable } from './permutations';
import { CUBE_TURNS } from './sampler';

/** Numbers that are kept of each cube's features (the authors' code: 64). */
const CUBE_FEATURES = 64;

/** Every `step`-th label from `first` on. */
const everyNth = ({ labels }: CropBatch, first: number, step: number): Uint8Array =>
  Uint8Array.from({ length: Math.ceil((labels.length - first) / step) }, (_, i) => labels[first + i * step]!);

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
  learner(making, { cubes, permutations, turns }) {
    const { net, module } = asStudent(making, createEncoder);
    const places = cubes ** 3;
    const cube = linearHead(making, 'cube', net.pooledSize, CUBE_FEATURES);
    const order = linearHead(making, 'order', places * CUBE_FEATURES, permutationTable(places, permutations).length);
    const turn = turns ? linearHead(making, 'turns', CUBE_FEATURES, CUBE_TURNS.length) : undefined;
    const modules = [module, cube.module, order.module, ...(turn ? [turn.module] : [])];
    return {
      modules,
      loss: {
        reach: 'volume',
        rows: ({ rows }) => rows,
        forward: (batch, rows) => ({ vectors: net.pooled(inputTensor(batch, rows)) }),
        joint({ student }, batch) {
          const crops = batch.rows / places;
          const features = tf.relu(cube.forward(student));
          const together = tf.reshape(features, [crops, places * CUBE_FEATURES]) as tf.Tensor2D;
          const told = classLoss(order.forward(together), everyNth(batch, 0, 2 * places));
          if (!turn) return { loss: told.loss, orderLoss: told.loss.clone(), order: told.accuracy };
          const turnsTold = classLoss(turn.forward(features), everyNth(batch, 1, 2));
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
    };
  },
  told: { metric: 'order', text: 'permutations', share: true },
});
