import type { Vec3 } from '../geometry';
import { linear } from '../tensor/ops';
import * as tf from '../tensor/tf';
import { createEncoder, type AnyNetwork } from './build';
import { Scope } from './layers';
import type { Parameter, ParameterSet, ParameterSetOptions } from './parameters';
import type { Encoder, Network } from './types';

/** Least standard deviation to divide a feature by: one that hardly varies must not be blown up. */
const LEAST_DEVIATION = 1e-3;
/** Share of the features' statistics that a batch replaces (`momentum` of torch's batch norm). */
const BATCH_SHARE = 0.1;

const deviationOf = (variance: tf.Tensor): tf.Tensor => tf.sqrt(tf.maximum(variance, LEAST_DEVIATION ** 2));

/**
 * A network that gives a volume one class: the encoder that VoCo pre-trains, its pooled features, standardised, and a linear
 * layer `head`. After instance norms the pooled features of different volumes differ by little around large means, on which a
 * linear layer alone learns slowly. As in batch norm, a training step standardises by the statistics of its batch, so that a
 * drift which all volumes share does not reach the logits; everything else uses running statistics, which
 * {@link fitFeatures} starts and {@link follow} keeps up to date.
 */
export class Classifier implements Network {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  private readonly encoder: Encoder;
  private readonly head: { weight: Parameter; bias: Parameter };
  private readonly features: { mean: Parameter; deviation: Parameter };

  /** @throws UserError for options that no such network can have. */
  constructor(
    config: AnyNetwork,
    readonly classes: number,
    init: ParameterSetOptions,
  ) {
    this.encoder = createEncoder(config, init);
    this.parameters = this.encoder.parameters;
    this.inChannels = this.encoder.inChannels;
    this.head = new Scope(this.parameters).at('head').linear(this.encoder.pooledSize, classes);
    const constant = (name: string, value: number): Parameter =>
      this.parameters.add(`features.${name}`, [this.encoder.pooledSize], { kind: 'constant', value });
    this.features = { mean: constant('mean', 0), deviation: constant('deviation', 1) };
  }

  checkSize(size: Vec3): void {
    this.encoder.checkSize(size);
  }

  /** Logits [N, classes] of volumes [N, D, H, W, C]. */
  forward(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => {
      const { mean, deviation } = this.features;
      return this.classify(this.encoder.pooled(x), mean.get(), deviation.get());
    });
  }

  /** Pooled features [N, F] of volumes [N, D, H, W, C]. */
  pooled(x: tf.Tensor5D): tf.Tensor2D {
    return this.encoder.pooled(x);
  }

  /**
   * Logits [N, classes] of a training step from the pooled features [N, F] of its whole batch. A single volume has no statistics
   * of its own and is treated as in {@link forward}.
   */
  logitsOfBatch(features: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => {
      const { mean, deviation } = this.features;
      if (features.shape[0] === 1) return this.classify(features, mean.get(), deviation.get());
      const own = tf.moments(features, 0);
      return this.classify(features, own.mean, deviationOf(own.variance));
    });
  }

  private classify(features: tf.Tensor2D, mean: tf.Tensor, deviation: tf.Tensor): tf.Tensor2D {
    const standard = tf.div(tf.sub(features, mean), deviation) as tf.Tensor2D;
    return linear(standard, this.head.weight.get<tf.Tensor2D>(), this.head.bias.get<tf.Tensor1D>());
  }

  /** Moves the running statistics towards those of a batch of features [N, F]. */
  follow(features: tf.Tensor2D): void {
    const count = features.shape[0];
    if (count < 2) return;
    tf.tidy(() => {
      const { mean, deviation } = this.features;
      const own = tf.moments(features, 0);
      const variance = tf.mul(own.variance, count / (count - 1));
      const mixed = (old: tf.Tensor, fresh: tf.Tensor): tf.Tensor =>
        tf.add(tf.mul(old, 1 - BATCH_SHARE), tf.mul(fresh, BATCH_SHARE));
      mean.variable.assign(mixed(mean.get(), own.mean));
      deviation.variable.assign(deviationOf(mixed(tf.square(deviation.get()), variance)));
    });
  }

  /**
   * Sets the running statistics of the features from volumes of the training set; no gradient trains them.
   *
   * @param volumes gives the next one [1, D, H, W, C], which is disposed here, or undefined at the end
   */
  async fitFeatures(volumes: () => Promise<tf.Tensor5D | undefined>): Promise<void> {
    const rows: tf.Tensor2D[] = [];
    for (let x = await volumes(); x; x = await volumes()) {
      rows.push(this.encoder.pooled(x));
      x.dispose();
    }
    if (rows.length === 0) return;
    tf.tidy(() => {
      const { mean, variance } = tf.moments(tf.concat2d(rows, 0), 0);
      this.features.mean.variable.assign(mean);
      this.features.deviation.variable.assign(deviationOf(variance));
    });
    tf.dispose(rows);
  }

  /** Whether a parameter changes in training. */
  isTrained(name: string): boolean {
    return !name.startsWith('features.');
  }

  isEncoderParameter(name: string): boolean {
    return !/^(head|features)\./.test(name);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
