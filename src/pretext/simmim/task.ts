import { createTokenEncoder, ParameterSet, type Scale } from '../../nets';
import { Scope } from '../../nets/layers';
import { convTranspose3d } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { asStudent, initOf, STUDENT, type Making } from '../crops/models';
import { maskedTrial, restored, restoring } from '../crops/restoring';
import { cropTask } from '../crops/task';
import { visibleVoxels } from '../crops/tensors';
import { simmimDescriptor, type SimmimMethod } from './descriptor';

/** Standard deviation of the first token. */
const TOKEN_STD = 0.02;

/** A linear head a scale, from features to the voxels that they stand for: a 1³ convolution and a pixel shuffle, in one. */
function makeHeads(making: Making, scales: readonly Scale[], tokens: Scale) {
  const { inChannels } = making.config.network;
  const set = new ParameterSet(initOf(making, STUDENT));
  const token = set.add('mask_token', [tokens.channels], { kind: 'normal', std: TOKEN_STD });
  const heads = scales.map(({ channels, stride }, i) =>
    new Scope(set).at(`restore.${i}`).convTranspose(channels, inChannels, stride[0]),
  );
  return { module: { prefix: STUDENT, set }, token, heads };
}

/**
 * Mean squared error of the hidden voxels (Xie et al. 2022, whose L1 is MSE in nnssl). Linear heads on all scales of the encoder are added
 * up, so that every part of it that a downstream network takes over is trained.
 */
export const simmimTask = cropTask<SimmimMethod>({
  ...restoring,
  descriptor: simmimDescriptor,
  trial: maskedTrial,
  learner(making, { block }) {
    const { net, module } = asStudent(making, createTokenEncoder);
    const { module: headModule, token, heads } = makeHeads(making, net.scales, net.tokens);
    return {
      modules: [module, headModule],
      ...restored((x, batch, rows) => {
        const visible = visibleVoxels(batch, rows, block).at(net.tokens.stride)!;
        const hide = (embedded: tf.Tensor5D): tf.Tensor5D =>
          tf.add(tf.mul(embedded, visible), tf.mul(tf.sub(1, visible), token.get<tf.Tensor1D>()));
        const filled = net
          .forwardHiding(x, hide)
          .map((feature, i) => convTranspose3d(feature, heads[i]!.weight.get(), { stride: net.scales[i]!.stride[0] }));
        return tf.addN(filled);
      }),
    };
  },
});
