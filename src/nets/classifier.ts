import { linear } from '../tensor/ops';
import * as tf from '../tensor/tf';
import { createEncoder } from './create';
import { Scope } from './layers';
import type { Parameter, ParameterSet, ParameterSetOptions } from './parameters';
import type { Encoder, Network, NetworkConfig, Size3 } from './types';

/** A network that gives a volume one class: the encoder that VoCo pre-trains, pooled, and a linear layer `head`. */
export class Classifier implements Network {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  private readonly encoder: Encoder;
  private readonly head: { weight: Parameter; bias: Parameter };

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
  }

  checkSize(size: Size3): void {
    this.encoder.checkSize(size);
  }

  /** Logits [N, classes] of volumes [N, D, H, W, C]. */
  forward(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => {
      const { weight, bias } = this.head;
      return linear(this.encoder.pooled(x), weight.get<tf.Tensor2D>(), bias.get<tf.Tensor1D>()) as tf.Tensor2D;
    });
  }

  isEncoderParameter(name: string): boolean {
    return !name.startsWith('head.');
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
