import { linear } from '../tensor/ops';
import * as tf from '../tensor/tf';
import { createEncoder } from './create';
import { Scope } from './layers';
import type { Parameter, ParameterSet, ParameterSetOptions } from './parameters';
import type { Encoder, Network, NetworkConfig, Size3 } from './types';

/** Least standard deviation to divide a feature by: one that hardly varies must not be blown up. */
const LEAST_DEVIATION = 1e-3;

/**
 * A network that gives a volume one class: the encoder that VoCo pre-trains, its pooled features, standardised, and a linear
 * layer `head`. After instance norms the pooled features of different volumes differ by little around large means, on which a
 * linear layer alone learns slowly; {@link fitFeatures} finds means and deviations once, before training.
 */
export class Classifier implements Network {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  private readonly encoder: Encoder;
  private readonly head: { weight: Parameter; bias: Parameter };
  private readonly features: { mean: Parameter; deviation: Parameter };

  /** @throws UserError for options that no such network can have. */
  constructor(
    config: NetworkConfig,
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

  checkSize(size: Size3): void {
    this.encoder.checkSize(size);
  }

  /** Logits [N, classes] of volumes [N, D, H, W, C]. */
  forward(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => {
      const { mean, deviation } = this.features;
      const features = tf.div(tf.sub(this.encoder.pooled(x), mean.get()), deviation.get()) as tf.Tensor2D;
      return linear(features, this.head.weight.get<tf.Tensor2D>(), this.head.bias.get<tf.Tensor1D>());
    });
  }

  /**
   * Sets the means and deviations of the features from volumes of the training set; they are not trained.
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
      this.features.deviation.variable.assign(tf.maximum(tf.sqrt(variance), LEAST_DEVIATION));
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
