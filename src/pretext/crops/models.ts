import type { PretrainConfig } from '../../config';
import { ParameterSet, type Network, type NetworkConfig, type ParameterSetOptions } from '../../nets';
import { BatchNorm } from '../../nets/batchNorm';
import { Scope } from '../../nets/layers';
import { Modules, variablesOf, type AnswerPart, type Loss, type Module, type TrainedModel } from '../../tasks';
import { linear } from '../../tensor/ops';
import * as tf from '../../tensor/tf';
import type { CropBatch } from './sampler';

/** What stands before the names of a trained network's weights in a checkpoint, as in VoCo's. */
export const STUDENT = 'student.';

/** The loss of some modules, and what is shown to people of the outputs that it is made of. */
export interface Judged {
  readonly loss: Loss<CropBatch>;
  /** See `TrainedModel.answer`. @param vectors of all rows, for a loss that ties rows together */
  answer(batch: CropBatch, vectors: tf.Tensor2D | undefined): Promise<readonly AnswerPart[]>;
}

/** Modules that are all trained at one rate, and their loss. */
export interface Learner extends Judged {
  readonly modules: readonly Module[];
}

/** How modules are made: for a config, with values or by names and shapes alone. */
export interface Making {
  readonly config: PretrainConfig;
  readonly describeOnly: boolean;
}

/** Where the parameters of a module start. @param namespace stands before their names in a checkpoint */
export const initOf = ({ config, describeOnly }: Making, namespace: string): ParameterSetOptions => ({
  seed: config.seed,
  namespace,
  describeOnly,
});

export function trained({ modules, loss, answer }: Learner): TrainedModel<CropBatch> {
  const weights = new Modules(modules);
  return {
    weights,
    groups: [{ name: '', parameters: modules.flatMap(variablesOf), rate: 1 }],
    loss,
    answer,
    dispose: () => weights.dispose(),
  };
}

/** A network under the names of a trained one. */
export function asStudent<Net extends Network>(
  making: Making,
  create: (config: NetworkConfig, init: ParameterSetOptions) => Net,
): { net: Net; module: Module } {
  const net = create(making.config.network, initOf(making, STUDENT));
  return { net, module: { prefix: STUDENT, set: net.parameters } };
}

/** A linear layer behind pooled features; its names are `student.<name>.weight` and `.bias`. */
export function linearHead(
  making: Making,
  name: string,
  inSize: number,
  outSize: number,
): { module: Module; forward(features: tf.Tensor2D): tf.Tensor2D } {
  const prefix = `${STUDENT}${name}.`;
  const set = new ParameterSet(initOf(making, prefix));
  const { weight, bias } = new Scope(set).linear(inSize, outSize);
  return {
    module: { prefix, set },
    forward: (features) => linear(features, weight.get<tf.Tensor2D>(), bias.get<tf.Tensor1D>()),
  };
}

/**
 * Batch norm of pooled features, one of {@link linearHead}'s inputs: in a training step by the statistics of its crops, else by running
 * ones. Behind instance norms, features of different crops differ by little around large means. A linear layer learns slowly from
 * them, and soon once they are standardised. Names: `student.features.weight` and the others of torch's BatchNorm1d.
 */
export function featureNorm(
  making: Making,
  size: number,
): { module: Module; forward(features: tf.Tensor2D): tf.Tensor2D } {
  const prefix = `${STUDENT}features.`;
  const set = new ParameterSet(initOf(making, prefix));
  const norm = new BatchNorm(new Scope(set), size, false);
  return {
    module: { prefix, set },
    forward: (features) =>
      tf.reshape(norm.forward(tf.reshape(features, [features.shape[0], 1, 1, 1, size]), 1), features.shape),
  };
}

/** The first rows of a matrix. */
export const firstRows = (x: tf.Tensor2D, count: number): tf.Tensor2D => tf.slice(x, [0, 0], [count, -1]);
