import type { PretrainConfig } from '../../config';
import { createVisibleSegmenter, VisibleVoxels, type Scale } from '../../nets';
import { maskedSquaredError, voxelCorrelation } from '../crops/losses';
import { trained } from '../crops/models';
import { cropTask } from '../crops/task';
import { flatVoxels, inputTensor, maskTensor, targetTensor } from '../crops/tensors';
import { Densify } from './densify';
import { sparkDescriptor, type SparkMethod } from './descriptor';

const NAMES = { network: 'student.', densify: 'student.densify.' };

/** Numbers of {@link Densify}. */
const densifyParameters = (scales: readonly Scale[]): number =>
  scales.reduce(
    (sum, { channels }, i) => sum + channels + (i < scales.length - 1 ? 27 * channels ** 2 + channels : 0),
    0,
  );

const network = ({ network: section, seed }: PretrainConfig, describeOnly = false) =>
  createVisibleSegmenter(section, section.inChannels, { seed, namespace: NAMES.network, describeOnly });

/** Mean squared error of the hidden voxels, whose places the encoder never sees (Tian et al. 2023; S3D, Wald et al. 2025). */
export const sparkTask = cropTask<SparkMethod>({
  descriptor: sparkDescriptor,
  outChannels: ({ network: { inChannels } }) => inChannels,
  lossCopies: 4,
  headParameters: (config) => densifyParameters(network(config, true).scales),
  trial: (batch) => ({
    ...batch,
    targets: batch.inputs,
    // Half of each crop: blocks of it are visible, whatever their size.
    masks: Uint8Array.from({ length: batch.inputs.length / batch.channels }, (_, i) =>
      i % (batch.shape[0] * batch.shape[1] * batch.shape[2]) < (batch.shape[0] / 2) * batch.shape[1] * batch.shape[2]
        ? 1
        : 0,
    ),
  }),
  build(config, { block }) {
    const net = network(config);
    const densify = new Densify(net.scales, { seed: config.seed, namespace: NAMES.densify });
    const modules = [
      { prefix: NAMES.network, set: net.parameters },
      { prefix: NAMES.densify, set: densify.parameters },
    ];
    return trained(modules, {
      reach: 'sample',
      rows: ({ rows }) => rows,
      loss(batch, rows) {
        const voxels = batch.masks.length / batch.rows;
        const hidden = batch.masks.subarray(rows.first * voxels, (rows.first + rows.count) * voxels);
        const visible = new VisibleVoxels(hidden, rows.count, batch.shape, block);
        const features = net.encodeVisible(inputTensor(batch, rows), visible);
        const output = flatVoxels(net.decode(densify.fill(features, visible)));
        const [target, mask] = [targetTensor(batch, rows), maskTensor(batch, rows)!];
        return { loss: maskedSquaredError(output, target, mask), correlation: voxelCorrelation(output, target, mask) };
      },
    });
  },
  told: { metric: 'correlation', text: 'correlation' },
});
