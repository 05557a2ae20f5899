import type { Parameter, ParameterSet } from './parameters';

/**
 * Adds parameters under a name prefix with torch's default initialisation: uniform in ±1/√fan_in for weights and biases
 * (torch.nn.Linear, Conv3d and ConvTranspose3d), 1 and 0 for norms.
 */
export class Scope {
  constructor(
    readonly set: ParameterSet,
    readonly prefix: string = '',
  ) {}

  at(name: string): Scope {
    return new Scope(this.set, `${this.prefix}${name}.`);
  }

  /** Filter (out, in, k, k, k) with a bias, or without one because an instance norm follows. */
  conv(inChannels: number, outChannels: number, kernel: number, bias: true): ConvParameters & { bias: Parameter };
  conv(inChannels: number, outChannels: number, kernel: number, bias?: false): ConvParameters;
  conv(inChannels: number, outChannels: number, kernel: number, bias = false): ConvParameters {
    const bound = 1 / Math.sqrt(inChannels * kernel ** 3);
    const weight = this.uniform('weight', [outChannels, inChannels, kernel, kernel, kernel], bound, !bias);
    return bias ? { weight, bias: this.uniform('bias', [outChannels], bound) } : { weight };
  }

  /** Filter (out, in, k, k, k) without a bias where no norm follows: its scale matters. */
  convNoBias(inChannels: number, outChannels: number, kernel: number): ConvParameters {
    const bound = 1 / Math.sqrt(inChannels * kernel ** 3);
    return { weight: this.uniform('weight', [outChannels, inChannels, kernel, kernel, kernel], bound) };
  }

  /** Filter (in, out, k, k, k) of a transposed convolution; torch takes its fan_in over dimension 1. */
  convTranspose(inChannels: number, outChannels: number, kernel: number, bias = false): ConvParameters {
    const bound = 1 / Math.sqrt(outChannels * kernel ** 3);
    const weight = this.uniform('weight', [inChannels, outChannels, kernel, kernel, kernel], bound);
    return bias ? { weight, bias: this.uniform('bias', [outChannels], bound) } : { weight };
  }

  /** Weight (out, in) and bias of a dense layer. */
  linear(inSize: number, outSize: number): { weight: Parameter; bias: Parameter } {
    const bound = 1 / Math.sqrt(inSize);
    return { weight: this.uniform('weight', [outSize, inSize], bound), bias: this.uniform('bias', [outSize], bound) };
  }

  /** Weight (out, in) of a dense layer without bias. */
  linearNoBias(inSize: number, outSize: number): { weight: Parameter } {
    return { weight: this.uniform('weight', [outSize, inSize], 1 / Math.sqrt(inSize)) };
  }

  layerNorm(channels: number): { weight: Parameter; bias: Parameter } {
    return {
      weight: this.set.add(`${this.prefix}weight`, [channels], { kind: 'constant', value: 1 }),
      bias: this.set.add(`${this.prefix}bias`, [channels], { kind: 'constant', value: 0 }),
    };
  }

  private uniform(name: string, shape: number[], bound: number, scaleFree = false): Parameter {
    return this.set.add(this.prefix + name, shape, { kind: 'uniform', bound }, scaleFree);
  }
}

export interface ConvParameters {
  weight: Parameter;
  bias?: Parameter;
}
