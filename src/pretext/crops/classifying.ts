import { createEncoder } from '../../nets';
import type { AnswerPart, Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { numbersOf } from './answers';
import { asStudent, featureNorm, firstRows, linearHead, type Learner, type Making } from './models';
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

/** A classifier of crops: pooled features of the encoder, standardised over the crops of a step, and a linear layer. */
export function classifying(making: Making, { name, count, judge, told }: Classes): Learner {
  const { net, module } = asStudent(making, createEncoder);
  const norm = featureNorm(making, net.pooledSize);
  const head = linearHead(making, name, net.pooledSize, count);
  const logits = (pooled: tf.Tensor2D): tf.Tensor2D => head.forward(norm.forward(pooled));
  return {
    modules: [module, norm.module, head.module],
    loss: {
      reach: 'batch',
      rows: ({ rows }) => rows,
      forward: (batch, rows) => ({ vectors: net.pooled(inputTensor(batch, rows)) }),
      joint: ({ student }, batch) => judge(logits(student), batch, { first: 0, count: batch.rows }),
      describe: ({ loss, accuracy }) => ({ loss, accuracy: accuracy as tf.Scalar }),
    },
    async answer(batch, vectors) {
      const { probabilities, loss } = await numbersOf(() => {
        const given = firstRows(logits(vectors!), 1);
        return { probabilities: tf.softmax(given), loss: judge(given, batch, FIRST).loss };
      });
      return [told(probabilities, loss[0]!, batch)];
    },
  };
}
