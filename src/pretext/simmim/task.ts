import type { PretrainConfig } from '../../config';
import { createTokenEncoder, ParameterSet, VisibleVoxels, type Scale } from '../../nets';
import { Scope } from '../../nets/layers';
import { voxelCount } from '../../geometry';
import { convTranspose3d } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { maskedSquaredError, voxelCorrelation } from '../crops/losses';
import { trained } from '../crops/models';
import { cropTask } from '../crops/task';
import { flatVoxels, inputTensor, maskTensor, targetTensor } from '../crops/tensors';
import { simmimDescriptor, type SimmimMethod } from './descriptor';

const NAMES = { network: 'student.', heads: 'student.' };
/** Standard deviation of the first token. */
const TOKEN_STD = 0.02;

const headSize = ({ channels, stride }: Scale, outChannels: number): number =>
  channels * voxelCount(stride) * outChannels;

/** A linear head a scale, from features to the voxels that they stand for: a 1³ convolution and a pixel shuffle, in one. */
function makeHeads(config: PretrainConfig, scales: readonly Scale[], tokens: Scale) {
  const { inChannels } = config.network;
  const set = new ParameterSet({ seed: config.seed, namespace: NAMES.heads });
  const token = set.add('mask_token', [tokens.channels], { kind: 'normal', std: TOKEN_STD });
  const heads = scales.map(({ channels, stride }, i) =>
    new Scope(set).at(`restore.${i}`).convTranspose(channels, inChannels, stride[0]),
  );
  return { set, token, heads };
}

/**
 * Mean squared error of the hidden voxels (Xie et al. 2022, whose L1 is MSE in nnssl). Linear heads on all scales of the encoder are added
 * up, so that every part of it that a downstream network takes over is trained.
 */
export const simmimTask = cropTask<SimmimMethod>({
  descriptor: simmimDescriptor,
  headParameters({ network, seed }) {
    const { scales, tokens } = createTokenEncoder(network, { seed, describeOnly: true });
    return tokens.channels + scales.reduce((sum, scale) => sum + headSize(scale, network.inChannels), 0);
  },
  trial: (batch) => ({
    ...batch,
    targets: batch.inputs,
    masks: new Uint8Array(batch.inputs.length / batch.channels).fill(1),
  }),
  build(config, { block }) {
    const net = createTokenEncoder(config.network, { seed: config.seed, namespace: NAMES.network });
    const { set, token, heads } = makeHeads(config, net.scales, net.tokens);
    const modules = [
      { prefix: NAMES.network, set: net.parameters },
      { prefix: NAMES.heads, set },
    ];
    return trained(modules, {
      reach: 'sample',
      rows: ({ rows }) => rows,
      loss(batch, rows) {
        const voxels = batch.masks.length / batch.rows;
        const hidden = batch.masks.subarray(rows.first * voxels, (rows.first + rows.count) * voxels);
        const visible = new VisibleVoxels(hidden, rows.count, batch.shape, block).at(net.tokens.stride)!;
        const hide = (embedded: tf.Tensor5D): tf.Tensor5D =>
          tf.add(tf.mul(embedded, visible), tf.mul(tf.sub(1, visible), token.get<tf.Tensor1D>()));
        const restored = net.forwardHiding(inputTensor(batch, rows), hide).map((feature, i) => {
          const stride = net.scales[i]!.stride[0];
          return convTranspose3d(feature, heads[i]!.weight.get(), { stride });
        });
        const output = flatVoxels(tf.addN(restored));
        const [target, mask] = [targetTensor(batch, rows), maskTensor(batch, rows)!];
        return { loss: maskedSquaredError(output, target, mask), correlation: voxelCorrelation(output, target, mask) };
      },
    });
  },
  told: { metric: 'correlation', text: 'correlation' },
});
