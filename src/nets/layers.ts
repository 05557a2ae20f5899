import { mapAxes, voxelCount, type Vec3 } from '../geometry';
import type { Parameter, ParameterSet } from './parameters';

/** Edges of a kernel: a number where they are the same. */
export type Kernel = number | Vec3;

export const kernelOf = (kernel: Kernel): Vec3 => (typeof kernel === 'number' ? mapAxes(() => kernel) : kernel);

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
  conv(inChannels: number, outChannels: number, kernel: Kernel, bias: true): ConvParameters & { bias: Parameter };
  conv(inChannels: number, outChannels: number, kernel: Kernel, bias?: boolean): ConvParameters;
  conv(inChannels: number, outChannels: number, kernel: Kernel, bias = false): ConvParameters {
    return this.filter(inChannels, outChannels, kernelOf(kernel), bias, !bias);
  }

  /** Filter (out, in, k, k, k) without a bias where no norm follows: its scale matters. */
  convNoBias(inChannels: number, outChannels: number, kernel: Kernel): ConvParameters {
    return this.filter(inChannels, outChannels, kernelOf(kernel), false, false);
  }

  /** Filter (out, in, k, k, k), with a bias or without, of a convolution that an instance norm follows. */
  normedConv(inChannels: number, outChannels: number, kernel: Kernel, bias: boolean): ConvParameters {
    return this.filter(inChannels, outChannels, kernelOf(kernel), bias, true);
  }

  /** Filter (in, out, k, k, k) of a transposed convolution, with a bias or without; torch takes its fan_in over dimension 1. */
  convTranspose(inChannels: number, outChannels: number, kernel: Kernel, bias = false): ConvParameters {
    const edges = kernelOf(kernel);
    const bound = 1 / Math.sqrt(outChannels * voxelCount(edges));
    const weight = this.uniform('weight', [inChannels, outChannels, ...edges], bound);
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

  /** Scale and shift of a norm. */
  norm(channels: number): { weight: Parameter; bias: Parameter } {
    return {
      weight: this.set.add(`${this.prefix}weight`, [channels], { kind: 'constant', value: 1 }),
      bias: this.set.add(`${this.prefix}bias`, [channels], { kind: 'constant', value: 0 }),
    };
  }

  private filter(
    inChannels: number,
    outChannels: number,
    kernel: Vec3,
    bias: boolean,
    scaleFree: boolean,
  ): ConvParameters {
    const bound = 1 / Math.sqrt(inChannels * voxelCount(kernel));
    const weight = this.uniform('weight', [outChannels, inChannels, ...kernel], bound, scaleFree);
    return bias ? { weight, bias: this.uniform('bias', [outChannels], bound) } : { weight };
  }

  private uniform(name: string, shape: number[], bound: number, scaleFree = false): Parameter {
    return this.set.add(this.prefix + name, shape, { kind: 'uniform', bound }, scaleFree);
  }
}

export interface ConvParameters {
  weight: Parameter;
  bias?: Parameter;
}
