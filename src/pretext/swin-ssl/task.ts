import { createEncoder } from '../../nets';
import { globalAverage } from '../../tensor/ops';
import type { AnswerPart, Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { classAnswer, numbersOf, partnerAnswers, restoredAnswer } from '../crops/answers';
import { classLoss, maskedAbsoluteError, voxelCorrelation } from '../crops/losses';
import { asStudent, initOf, linearHead, STUDENT } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { flatVoxels, inputTensor, labelsOf, maskTensor, targetTensor } from '../crops/tensors';
import { turnName } from '../crops/turns';
import { ntXent } from '../simclr/loss';
import { swinSslDescriptor, type SwinSslMethod } from './descriptor';
import { Restorer } from './restorer';
import { VIEW_TURNS } from './sampler';

const RESTORE = `${STUDENT}restore.`;

type Outputs = Record<'restored' | 'turns' | 'vectors', tf.Tensor>;

interface Heads<O extends Outputs> {
  outputs(batch: CropBatch, rows: Rows): O;
  judge(outputs: O, batch: CropBatch, rows: Rows): { restoreLoss: tf.Scalar; turns: { loss: tf.Scalar } };
  readonly temperature: number;
}

/** The two views of the first crop as the network restores them, their turns, and their contrast with all other views. */
async function answerOf<O extends Outputs>(
  { outputs, judge, temperature }: Heads<O>,
  batch: CropBatch,
  vectors: tf.Tensor2D,
): Promise<AnswerPart[]> {
  const restored: AnswerPart[] = [];
  const turns: number[] = [];
  let crossEntropy = 0;
  for (const row of [0, 1]) {
    const rows = { first: row, count: 1 };
    const given = await numbersOf(() => {
      const all = outputs(batch, rows);
      const { restoreLoss, turns: told } = judge(all, batch, rows);
      const correlation = voxelCorrelation(
        all.restored as tf.Tensor3D,
        targetTensor(batch, rows),
        maskTensor(batch, rows),
      );
      return { restored: all.restored, turns: tf.softmax(all.turns), restoreLoss, correlation, turnLoss: told.loss };
    });
    const scores = { 'mean absolute error': given.restoreLoss[0]!, correlation: given.correlation[0]! };
    restored.push(restoredAnswer(`View ${row + 1} restored`, given.restored, { batch, row, scores }));
    turns.push(...given.turns);
    crossEntropy += given.turnLoss[0]! / 2;
  }
  const told = { name: 'Which turn', classes: VIEW_TURNS.map(turnName), rows: ['view 1', 'view 2'] };
  const rows = vectors.shape[0];
  return [
    ...restored,
    classAnswer(told, Float32Array.from(turns), batch.labels, crossEntropy),
    ...(await partnerAnswers(vectors, (all) => ntXent(all, temperature), rows, ['View 1', 'View 2'])),
  ];
}

/**
 * L1 of the restored views and cross entropy of their turns, which are means over views, and NT-Xent between the views of all crops. The
 * released heads look at single tokens of the coarsest features; ours at their average, as the rest of this program.
 */
export const swinSslTask = cropTask<SwinSslMethod>({
  descriptor: swinSslDescriptor,
  rowsPerCrop: () => 2,
  tied: true,
  trial: (batch) => ({ ...batch, targets: batch.inputs, labels: new Uint8Array(batch.rows) }),
  learner(making, method) {
    const { net, module } = asStudent(making, createEncoder);
    const coarsest = net.scales.at(-1)!;
    const turn = linearHead(making, 'turn', coarsest.channels, VIEW_TURNS.length);
    const contrast = linearHead(making, 'contrast', coarsest.channels, method.embedding);
    const restorer = new Restorer(coarsest, making.config.network.inChannels, initOf(making, RESTORE));
    const modules = [module, turn.module, contrast.module, { prefix: RESTORE, set: restorer.parameters }];
    const outputs = (batch: CropBatch, rows: Rows) => {
      const features = net.forward(inputTensor(batch, rows)).at(-1)!;
      const pooled = globalAverage(features);
      return {
        restored: flatVoxels(restorer.forward(features)),
        turns: turn.forward(pooled),
        vectors: contrast.forward(pooled),
      };
    };
    const judge = ({ restored, turns }: ReturnType<typeof outputs>, batch: CropBatch, rows: Rows) => ({
      restoreLoss: maskedAbsoluteError(restored, targetTensor(batch, rows), maskTensor(batch, rows)),
      turns: classLoss(turns, labelsOf(batch, rows).values),
    });
    return {
      modules,
      loss: {
        reach: 'batch',
        rows: ({ rows }) => rows,
        forward(batch, rows) {
          const given = outputs(batch, rows);
          const { restoreLoss, turns: told } = judge(given, batch, rows);
          const loss = tf.add(
            tf.mul(restoreLoss, method.restoreWeight),
            tf.mul(told.loss, method.rotationWeight),
          ) as tf.Scalar;
          return {
            vectors: given.vectors,
            terms: { loss, restoreLoss, turnLoss: told.loss, turnAccuracy: told.accuracy },
          };
        },
        joint({ student }) {
          const { loss, found } = ntXent(student, method.temperature);
          return { loss: tf.mul(loss, method.contrastWeight) as tf.Scalar, contrastLoss: loss, found };
        },
        describe: ({ loss, contrastLoss, found }) => ({
          loss,
          contrastLoss: contrastLoss as tf.Scalar,
          found: found as tf.Scalar,
        }),
      },
      answer: (batch, vectors) => answerOf({ outputs, judge, temperature: method.temperature }, batch, vectors!),
    };
  },
  told: { metric: 'turnAccuracy', text: 'turns', share: true },
});
