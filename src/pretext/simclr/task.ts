import { createEncoder, ParameterSet } from '../../nets';
import type * as tf from '../../tensor/tf';
import { encoderNetwork, trained } from '../crops/models';
import { cropTask } from '../crops/task';
import { inputTensor } from '../crops/tensors';
import { Projector, projectorParameters } from '../voco/projector';
import { simclrDescriptor, type SimclrMethod } from './descriptor';
import { embeddingSpread, ntXent } from './loss';

/** Names of the projector's weights in a checkpoint, as VoCo's. */
const PROJECTOR = 'student.proj_head.';

/** NT-Xent of the embeddings of all crops of a batch, or of a volume. */
export const simclrTask = cropTask<SimclrMethod>({
  descriptor: simclrDescriptor,
  rowsPerCrop: () => 2,
  tied: true,
  headParameters({ network, seed }, { projector }) {
    const { pooledSize } = createEncoder(network, { seed, describeOnly: true });
    return projectorParameters(pooledSize, projector);
  },
  trial: (batch) => batch,
  build(config, { temperature, negatives, perVolume, projector: sizes }) {
    const { net, module } = encoderNetwork(config);
    const set = new ParameterSet({ seed: config.seed, namespace: PROJECTOR });
    const projector = new Projector(set, net.pooledSize, sizes);
    return trained([module, { prefix: PROJECTOR, set }], {
      // The projector's batch norm ties all rows together, whatever the contrast.
      reach: 'batch',
      rows: ({ rows }) => rows,
      forward: (batch, rows) => ({ vectors: net.pooled(inputTensor(batch, rows)) }),
      joint({ student }) {
        const embeddings = projector.forward(student);
        const group = negatives === 'volume' ? Math.min(2 * perVolume, student.shape[0]) : undefined;
        const { loss, found } = ntXent(embeddings, temperature, group);
        return { loss, found, embeddings };
      },
      describe: ({ loss, found, embeddings }) => ({
        loss,
        found: found as tf.Scalar,
        featureStd: embeddingSpread(embeddings as tf.Tensor2D),
      }),
    });
  },
  told: { metric: 'found', text: 'partners', share: true },
});
