import { createTokenEncoder, createTokenSegmenter, ParameterSet, type Scale } from '../../nets';
import { networkBuilders } from '../../nets/builders';
import { Scope } from '../../nets/layers';
import type { Parameter } from '../../nets/parameters';
import { convTranspose3d } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import { asStudent, initOf, STUDENT, type Learner, type Making } from '../crops/models';
import { maskedTrial, restored, restoring } from '../crops/restoring';
import { cropTask } from '../crops/task';
import { visibleVoxels } from '../crops/tensors';
import { simmimDescriptor, type SimmimMethod } from './descriptor';

/** What stands before the names of what only pre-training needs. */
const RESTORE = `${STUDENT}restore.`;
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

/** Replaces the embeddings of hidden patches by the token. */
function hiding(token: Parameter, visible: tf.Tensor5D): (embedded: tf.Tensor5D) => tf.Tensor5D {
  return (embedded) => tf.add(tf.mul(embedded, visible), tf.mul(tf.sub(1, visible), token.get<tf.Tensor1D>()));
}

/** A network whose own decoder goes from tokens to voxels; undefined where it has none (nnssl's evaSimMIM_module.py). */
function ownDecoder(making: Making, { block }: SimmimMethod): Learner | undefined {
  const { network } = making.config;
  const net = createTokenSegmenter(network, network.inChannels, initOf(making, STUDENT));
  if (!net) return undefined;
  const set = new ParameterSet(initOf(making, RESTORE));
  const token = set.add('mask_token', [net.tokens.channels], { kind: 'normal', std: TOKEN_STD });
  return {
    modules: [
      { prefix: STUDENT, set: net.parameters },
      { prefix: RESTORE, set },
    ],
    ...restored((x, batch, rows) =>
      net.forwardHiding(x, hiding(token, visibleVoxels(batch, rows, block).at(net.tokens.stride)!)),
    ),
  };
}

/** An encoder with a linear head for each of its scales, which are added up. */
function linearHeads(making: Making, { block }: SimmimMethod): Learner {
  const { net, module } = asStudent(making, createTokenEncoder);
  const { module: headModule, token, heads } = makeHeads(making, net.scales, net.tokens);
  return {
    modules: [module, headModule],
    ...restored((x, batch, rows) => {
      const visible = visibleVoxels(batch, rows, block).at(net.tokens.stride)!;
      const filled = net
        .forwardHiding(x, hiding(token, visible))
        .map((feature, i) => convTranspose3d(feature, heads[i]!.weight.get(), { stride: net.scales[i]!.stride[0] }));
      return tf.addN(filled);
    }),
  };
}

const withDecoder = ({ name }: { readonly name: string }): boolean =>
  networkBuilders.get(name).tokenSegmenter !== undefined;

/**
 * Mean squared error of the hidden voxels (Xie et al. 2022, whose L1 is MSE in nnssl). A network of tokens restores them with its own
 * decoder. Of others, linear heads on all scales of the encoder are added up, so that every part of it that a downstream network takes
 * over is trained.
 */
export const simmimTask = cropTask<SimmimMethod>({
  ...restoring,
  descriptor: simmimDescriptor,
  outChannels: ({ network }) => (withDecoder(network) ? network.inChannels : undefined),
  trial: maskedTrial,
  learner: (making, method) => ownDecoder(making, method) ?? linearHeads(making, method),
});
