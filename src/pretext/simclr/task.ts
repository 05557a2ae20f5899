import { createEncoder, ParameterSet } from '../../nets';
import * as tf from '../../tensor/tf';
import { partnerAnswers } from '../crops/answers';
import { asStudent, initOf, STUDENT } from '../crops/models';
import { cropTask } from '../crops/task';
import { inputTensor } from '../crops/tensors';
import { embeddingSpread } from '../voco/metrics';
import { Projector } from '../voco/projector';
import { simclrDescriptor, type SimclrMethod } from './descriptor';
import { ntXent } from './loss';

/** Names of the projector's weights in a checkpoint, as VoCo's. */
const PROJECTOR = `${STUDENT}proj_head.`;

/** NT-Xent of the embeddings of all crops of a batch, or of a volume. */
export const simclrTask = cropTask<SimclrMethod>({
  descriptor: simclrDescriptor,
  rowsPerCrop: () => 2,
  tied: true,
  trial: (batch) => batch,
  learner(making, { temperature, negatives, perVolume, projector: sizes }) {
    const { net, module } = asStudent(making, createEncoder);
    const set = new ParameterSet(initOf(making, PROJECTOR));
    const projector = new Projector(set, net.pooledSize, sizes);
    const groupOf = (rows: number): number => (negatives === 'volume' ? Math.min(2 * perVolume, rows) : rows);
    return {
      modules: [module, { prefix: PROJECTOR, set }],
      loss: {
        // The projector's batch norm ties all rows together, whatever the contrast.
        reach: 'batch',
        rows: ({ rows }) => rows,
        forward: (batch, rows) => ({ vectors: net.pooled(inputTensor(batch, rows)) }),
        joint({ student }) {
          const embeddings = projector.forward(student);
          const { loss, found } = ntXent(embeddings, temperature, groupOf(student.shape[0]));
          return { loss, found, embeddings };
        },
        describe: ({ loss, found, embeddings }) => ({
          loss,
          found: found as tf.Scalar,
          featureStd: embeddingSpread(embeddings as tf.Tensor2D),
        }),
      },
      async answer(_, vectors) {
        const embeddings = tf.tidy(() => projector.forward(vectors!));
        const group = groupOf(embeddings.shape[0]);
        return partnerAnswers(embeddings, (all) => ntXent(all, temperature, group), group, [
          'The crop',
          'Its partner',
        ]).finally(() => embeddings.dispose());
      },
    };
  },
  told: { metric: 'found', text: 'partners', share: true },
});
