import { createEncoder } from '../../nets';
import type { AnswerPart, Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { numbersOf } from './answers';
import { asStudent, linearHead, type Learner, type Making } from './models';
import type { CropBatch } from './sampler';
import { inputTensor } from './tensors';

/** What an encoder with a linear layer is to tell of a crop. */
export interface Classes {
  /** Of the layer: its weights are `student.<name>.weight` and `.bias`. */
  readonly name: string;
  readonly count: number;
  /** @param logits `[rows, classes]` */
  judge(logits: tf.Tensor2D, batch: CropBatch, rows: Rows): { loss: tf.Scalar; accuracy: tf.Scalar };
  /** @param probabilities of the first crop's classes */
  told(probabilities: Float32Array, crossEntropy: number, batch: CropBatch): AnswerPart;
}

const FIRST: Rows = { first: 0, count: 1 };

/** A classifier of crops: pooled features of the encoder, and a linear layer. */
export function classifying(making: Making, { name, count, judge, told }: Classes): Learner {
  const { net, module } = asStudent(making, createEncoder);
  const head = linearHead(making, name, net.pooledSize, count);
  const logits = (batch: CropBatch, rows: Rows): tf.Tensor2D => head.forward(net.pooled(inputTensor(batch, rows)));
  return {
    modules: [module, head.module],
    loss: {
      reach: 'sample',
      rows: ({ rows }) => rows,
      loss: (batch, rows) => judge(logits(batch, rows), batch, rows),
    },
    async answer(batch) {
      const { probabilities, loss } = await numbersOf(() => {
        const given = logits(batch, FIRST);
        return { probabilities: tf.softmax(given), loss: judge(given, batch, FIRST).loss };
      });
      return [told(probabilities, loss[0]!, batch)];
    },
  };
}
