import { createEncoder } from '../../nets';
import { globalAverage } from '../../tensor/ops';
import type { AnswerPart, Rows } from '../../tasks';
import * as tf from '../../tensor/tf';
import { classAnswer, numbersOf, partnerAnswers, restoredAnswer } from '../crops/answers';
import { classLoss, maskedAbsoluteError, voxelCorrelation } from '../crops/losses';
import { asStudent, featureNorm, firstRows, initOf, linearHead, STUDENT } from '../crops/models';
import type { CropBatch } from '../crops/sampler';
import { cropTask } from '../crops/task';
import { flatVoxels, inputTensor, labelsOf, maskTensor, targetTensor } from '../crops/tensors';
import { turnName } from '../crops/turns';
import { ntXent } from '../simclr/loss';
import { swinSslDescriptor, type SwinSslMethod } from './descriptor';
import { Restorer } from './restorer';
import { VIEW_TURNS } from './sampler';

const RESTORE = `${STUDENT}restore.`;

/** What the heads make of pooled features [views, C]: logits of the turns, and embeddings. */
interface Told {
  readonly turns: tf.Tensor2D;
  readonly embeddings: tf.Tensor2D;
}

interface Heads {
  restored(batch: CropBatch, rows: Rows): tf.Tensor3D;
  told(pooled: tf.Tensor2D): Told;
  readonly temperature: number;
}

/** How near the restored views are to what was asked: means over these rows. */
const restoreError = (restored: tf.Tensor3D, batch: CropBatch, rows: Rows): tf.Scalar =>
  maskedAbsoluteError(restored, targetTensor(batch, rows), maskTensor(batch, rows));

/** A view of the first crop as the network restores it. */
async function restoredView({ restored }: Heads, batch: CropBatch, row: number): Promise<AnswerPart> {
  const rows = { first: row, count: 1 };
  const given = await numbersOf(() => {
    const output = restored(batch, rows);
    const correlation = voxelCorrelation(output, targetTensor(batch, rows), maskTensor(batch, rows));
    return { output, correlation, error: restoreError(output, batch, rows) };
  });
  const scores = { 'mean absolute error': given.error[0]!, correlation: given.correlation[0]! };
  return restoredAnswer(`View ${row + 1} restored`, given.output, { batch, row, scores });
}

/** The two views of the first crop as the network restores them, their turns, and their contrast with all other views. */
async function answerOf(heads: Heads, batch: CropBatch, pooled: tf.Tensor2D): Promise<AnswerPart[]> {
  const views = { first: 0, count: 2 };
  const restored = [await restoredView(heads, batch, 0), await restoredView(heads, batch, 1)];
  const { turns, turnLoss } = await numbersOf(() => {
    const logits = firstRows(heads.told(pooled).turns, views.count);
    return { turns: tf.softmax(logits), turnLoss: classLoss(logits, labelsOf(batch, views).values).loss };
  });
  const which = { name: 'Which turn', classes: VIEW_TURNS.map(turnName), rows: ['view 1', 'view 2'] };
  const embeddings = tf.tidy(() => heads.told(pooled).embeddings);
  try {
    const contrast = (all: tf.Tensor2D): ReturnType<typeof ntXent> => ntXent(all, heads.temperature);
    const partners = await partnerAnswers(embeddings, contrast, batch.rows, ['View 1', 'View 2']);
    return [...restored, classAnswer(which, turns, batch.labels, turnLoss[0]!), ...partners];
  } finally {
    embeddings.dispose();
  }
}

/**
 * L1 of the restored views, cross entropy of their turns, and NT-Xent between the views of all crops. The released heads look at single
 * tokens of the coarsest features; ours at their average, as the rest of this program, standardised over the views of a step.
 */
export const swinSslTask = cropTask<SwinSslMethod>({
  descriptor: swinSslDescriptor,
  rowsPerCrop: () => 2,
  tied: true,
  trial: (batch) => ({ ...batch, targets: batch.inputs, labels: new Uint8Array(batch.rows) }),
  learner(making, method) {
    const { net, module } = asStudent(making, createEncoder);
    const coarsest = net.scales.at(-1)!;
    const norm = featureNorm(making, coarsest.channels);
    const turn = linearHead(making, 'turn', coarsest.channels, VIEW_TURNS.length);
    const contrast = linearHead(making, 'contrast', coarsest.channels, method.embedding);
    const restorer = new Restorer(coarsest, making.config.network.inChannels, initOf(making, RESTORE));
    const modules = [module, norm.module, turn.module, contrast.module, { prefix: RESTORE, set: restorer.parameters }];
    const coarse = (batch: CropBatch, rows: Rows): tf.Tensor5D => net.forward(inputTensor(batch, rows)).at(-1)!;
    const restored = (features: tf.Tensor5D): tf.Tensor3D => flatVoxels(restorer.forward(features));
    const told = (pooled: tf.Tensor2D): Told => {
      const features = norm.forward(pooled);
      return { turns: turn.forward(features), embeddings: contrast.forward(features) };
    };
    const heads = {
      restored: (batch, rows) => restored(coarse(batch, rows)),
      told,
      temperature: method.temperature,
    } satisfies Heads;
    return {
      modules,
      loss: {
        reach: 'batch',
        rows: ({ rows }) => rows,
        forward(batch, rows) {
          const features = coarse(batch, rows);
          const restoreLoss = restoreError(restored(features), batch, rows);
          const loss = tf.mul(restoreLoss, method.restoreWeight) as tf.Scalar;
          return { vectors: globalAverage(features), terms: { loss, restoreLoss } };
        },
        joint({ student }, batch) {
          const { turns, embeddings } = told(student);
          const { loss: contrastLoss, found } = ntXent(embeddings, method.temperature);
          const turned = classLoss(turns, labelsOf(batch, { first: 0, count: batch.rows }).values);
          const loss = tf.add(
            tf.mul(contrastLoss, method.contrastWeight),
            tf.mul(turned.loss, method.rotationWeight),
          ) as tf.Scalar;
          return { loss, contrastLoss, found, turnLoss: turned.loss, turnAccuracy: turned.accuracy };
        },
        describe: ({ loss, ...parts }) => ({ loss, ...(parts as Record<string, tf.Scalar>) }),
      },
      answer: (batch, pooled) => answerOf(heads, batch, pooled!),
    };
  },
  told: { metric: 'turnAccuracy', text: 'turns', share: true },
});
