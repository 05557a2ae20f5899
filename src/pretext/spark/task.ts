import { createVisibleSegmenter } from '../../nets';
import { asStudent, initOf, STUDENT } from '../crops/models';
import { maskedTrial, restored, restoring } from '../crops/restoring';
import { cropTask } from '../crops/task';
import { visibleVoxels } from '../crops/tensors';
import { Densify } from './densify';
import { sparkDescriptor, type SparkMethod } from './descriptor';

const DENSIFY = `${STUDENT}densify.`;

/** Mean squared error of the hidden voxels, whose places the encoder never sees (Tian et al. 2023; S3D, Wald et al. 2025). */
export const sparkTask = cropTask<SparkMethod>({
  ...restoring,
  descriptor: sparkDescriptor,
  outChannels: ({ network }) => network.inChannels,
  trial: maskedTrial,
  learner(making, { block }) {
    const { inChannels } = making.config.network;
    const { net, module } = asStudent(making, (network, init) => createVisibleSegmenter(network, inChannels, init));
    const densify = new Densify(net.scales, initOf(making, DENSIFY));
    return {
      modules: [module, { prefix: DENSIFY, set: densify.parameters }],
      ...restored((x, batch, rows) => {
        const visible = visibleVoxels(batch, rows, block);
        return net.decode(densify.fill(net.encodeVisible(x, visible), visible));
      }),
    };
  },
});
