import type { PretrainConfig } from '../../config';
import { createEncoder, createSegmenter, ParameterSet, type Encoder, type Segmenter } from '../../nets';
import { Scope } from '../../nets/layers';
import { Modules, variablesOf, type Loss, type Module, type TrainedModel } from '../../tasks';
import { linear } from '../../tensor/ops';
import type * as tf from '../../tensor/tf';
import type { CropBatch } from './sampler';

/** What stands before the names of a trained network's weights in a checkpoint, as in VoCo's. */
const STUDENT = 'student.';

/** Modules that are all trained at one rate, with a loss: what most tasks train. */
export function trained(modules: readonly Module[], loss: Loss<CropBatch>): TrainedModel<CropBatch> {
  const weights = new Modules(modules);
  return {
    weights,
    groups: [{ name: '', parameters: modules.flatMap(variablesOf), rate: 1 }],
    loss,
    dispose: () => weights.dispose(),
  };
}

/** A network with a decoder that gives `outChannels` numbers a voxel. */
export function denseNetwork(
  { network, seed }: PretrainConfig,
  outChannels: number,
): { net: Segmenter; module: Module } {
  const net = createSegmenter(network, outChannels, { seed, namespace: STUDENT });
  return { net, module: { prefix: STUDENT, set: net.parameters } };
}

/** An encoder, and a place for the layers behind its pooled features. */
export function encoderNetwork({ network, seed }: PretrainConfig): { net: Encoder; module: Module } {
  const net = createEncoder(network, { seed, namespace: STUDENT });
  return { net, module: { prefix: STUDENT, set: net.parameters } };
}

/** A linear layer behind pooled features; its names are `student.<name>.weight` and `.bias`. */
export function linearHead(
  { seed }: PretrainConfig,
  name: string,
  inSize: number,
  outSize: number,
): { module: Module; forward(features: tf.Tensor2D): tf.Tensor2D } {
  const prefix = `${STUDENT}${name}.`;
  const set = new ParameterSet({ seed, namespace: prefix });
  const { weight, bias } = new Scope(set).linear(inSize, outSize);
  return {
    module: { prefix, set },
    forward: (features) => linear(features, weight.get<tf.Tensor2D>(), bias.get<tf.Tensor1D>()),
  };
}
