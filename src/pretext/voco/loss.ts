import * as tf from '../../tensor/tf';
import type { Rows, VectorLoss } from '../../tasks';
import type { CropBatch } from './batch';
import { collapseMetrics, positionAccuracy } from './metrics';
import type { VocoModel } from './model';
import type { StepLayout } from './objectives';

/** Number of crops in a step, random and base. */
export function cropCount(batch: CropBatch): number {
  return batch.volumes * (batch.randomPerVolume + batch.basesPerVolume);
}

export function layoutOf(batch: CropBatch): StepLayout {
  const { volumes, randomPerVolume, basesPerVolume } = batch;
  return { volumes, randomPerVolume, basesPerVolume };
}

/** Some crops of a step as a tensor `[count, X, Y, Z, C]`: random crops come first, then base crops, as in `CropBatch`. */
export function cropTensor(batch: CropBatch, rows: Rows): tf.Tensor5D {
  const voxels = batch.cropShape[0] * batch.cropShape[1] * batch.cropShape[2] * batch.channels;
  const randoms = batch.volumes * batch.randomPerVolume;
  const shape = [rows.count, ...batch.cropShape, batch.channels] as [number, number, number, number, number];
  const end = rows.first + rows.count;
  if (end <= randoms) return tf.tensor5d(batch.random.slice(rows.first * voxels, end * voxels), shape);
  if (rows.first >= randoms) {
    return tf.tensor5d(batch.bases.slice((rows.first - randoms) * voxels, (end - randoms) * voxels), shape);
  }
  const both = new Float32Array(rows.count * voxels);
  both.set(batch.random.subarray(rows.first * voxels));
  both.set(batch.bases.subarray(0, (end - randoms) * voxels), (randoms - rows.first) * voxels);
  return tf.tensor5d(both, shape);
}

function labelTensor(batch: CropBatch): tf.Tensor2D {
  const rows = batch.volumes * batch.randomPerVolume;
  return tf.tensor2d(Float32Array.from(batch.labels), [rows, batch.basesPerVolume]);
}

/** What the objective gives, in the shape that the program wants. */
interface VocoResult extends tf.TensorContainerObject {
  loss: tf.Scalar;
  parts: Record<string, tf.Scalar>;
  assignments: tf.Tensor2D;
  embeddings: tf.Tensor2D;
}

/**
 * VoCo's loss as the program sees it: all crops of a batch are tied together, through one pooled feature vector each (the
 * projector's batch norm and the contrast between volumes reach across the whole batch).
 */
export function vocoLoss(model: VocoModel): VectorLoss<CropBatch, VocoResult> {
  return {
    reach: 'batch',
    rows: cropCount,
    forward: (batch, rows) => ({ vectors: model.encode(cropTensor(batch, rows)) }),
    follow: () => model.updateTeacher(),
    remember: () => model.rememberTeacher(),
    ...(model.teacher && { fixed: (batch, rows) => model.encodeTeacher(cropTensor(batch, rows)) }),
    joint({ student, fixed }, batch, random) {
      const features = { student, teacher: fixed };
      const { total, parts, assignments, embeddings } = model.loss(
        features,
        labelTensor(batch),
        layoutOf(batch),
        random,
      );
      return { loss: total, parts, assignments, embeddings };
    },
    describe({ loss, parts, assignments, embeddings }, batch) {
      const accuracy = positionAccuracy(assignments, labelTensor(batch));
      return { loss, ...parts, accuracy, ...collapseMetrics(embeddings, layoutOf(batch)) };
    },
  };
}
