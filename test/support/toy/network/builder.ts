import { mapAxes, voxelCount, type Vec3 } from '../../../../src/geometry';
import { pooledSizeOf, poolAll } from '../../../../src/nets/blocks';
import { checkInputSize } from '../../../../src/nets/inputSize';
import { Scope, type ConvParameters } from '../../../../src/nets/layers';
import { ParameterSet, type ParameterSetOptions } from '../../../../src/nets/parameters';
import type { Encoder, NetworkBuilder, Scale, Segmenter } from '../../../../src/nets/types';
import { conv3d, convTranspose3d, instanceNorm } from '../../../../src/tensor/ops';
import * as tf from '../../../../src/tensor/tf';
import { toyDescriptor, type ToySection } from './descriptor';

const scalesOf = ({ width }: ToySection): Scale[] => [
  { channels: width, stride: mapAxes(() => 2) },
  { channels: 2 * width, stride: mapAxes(() => 4) },
];

/** Two strided convolutions; the first ends in tanh, a kernel that no other network calls. */
class Trunk {
  private readonly stem: ConvParameters;
  private readonly deep: ConvParameters;

  constructor(scope: Scope, { width, inChannels }: ToySection) {
    this.stem = scope.at('stem').conv(inChannels, width, 3);
    this.deep = scope.at('deep').conv(width, 2 * width, 3);
  }

  forward(x: tf.Tensor5D): [tf.Tensor5D, tf.Tensor5D] {
    const half = { padding: 1, stride: 2 } as const;
    const fine = tf.tanh(instanceNorm(conv3d(x, this.stem.weight.get(), half)));
    return [fine, instanceNorm(conv3d(fine, this.deep.weight.get(), half), { slope: 0.1 })];
  }
}

/** What both networks of the toy share. */
abstract class Toy {
  readonly parameters: ParameterSet;
  readonly inChannels: number;
  protected readonly trunk: Trunk;

  constructor(
    protected readonly section: ToySection,
    init: ParameterSetOptions,
  ) {
    this.parameters = new ParameterSet(init);
    this.inChannels = section.inChannels;
    this.trunk = new Trunk(new Scope(this.parameters), section);
  }

  checkSize(size: Vec3): void {
    checkInputSize(toyDescriptor, this.section, size);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

class ToyEncoder extends Toy implements Encoder {
  readonly scales = scalesOf(this.section);
  readonly pooledSize = pooledSizeOf(this.scales);

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    return tf.tidy(() => this.trunk.forward(x));
  }

  pooled(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => poolAll(this.trunk.forward(x)));
  }
}

class ToySegmenter extends Toy implements Segmenter {
  private readonly up: ConvParameters;
  private readonly last: ConvParameters;
  private readonly out: ConvParameters;

  constructor(
    section: ToySection,
    readonly outChannels: number,
    init: ParameterSetOptions,
  ) {
    super(section, init);
    const scope = new Scope(this.parameters);
    this.up = scope.at('up').convTranspose(2 * section.width, section.width, 2);
    this.last = scope.at('last').convTranspose(2 * section.width, section.width, 2);
    this.out = scope.at('out').conv(section.width, outChannels, 1, true);
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const [fine, coarse] = this.trunk.forward(x);
      const joined: tf.Tensor5D = tf.concat([convTranspose3d(coarse, this.up.weight.get(), { stride: 2 }), fine], 4);
      const whole = convTranspose3d(joined, this.last.weight.get(), { stride: 2 });
      return conv3d(whole, this.out.weight.get(), { bias: this.out.bias!.get<tf.Tensor1D>() });
    });
  }

  isEncoderParameter(name: string): boolean {
    return toyDescriptor.stateDict.encoder.test(name);
  }
}

/** The heavy half of a network that only tests have. */
export const toyBuilder: NetworkBuilder<ToySection> = {
  encoder: (section, init) => new ToyEncoder(section, init),
  segmenter: (section, outChannels, init) => new ToySegmenter(section, outChannels, init),
  cost(cost, { width, inChannels }, size, outChannels) {
    const [whole, fine, coarse] = [1, 8, 64].map((part) => voxelCount(size) / part) as [number, number, number];
    cost.conv(whole, fine, inChannels, width, 3);
    cost.keep(fine * width);
    cost.conv(fine, coarse, width, 2 * width, 3);
    cost.keep(coarse * 2 * width);
    cost.block(whole * inChannels + fine * width);
    if (outChannels === undefined) return;
    cost.conv(coarse, coarse, 2 * width, 8 * width, 1);
    cost.conv(fine, fine, 2 * width, 8 * width, 1);
    cost.conv(whole, whole, width, outChannels, 1);
  },
  lowerings: {
    Tanh: ({ recording, inputs: { x } }) =>
      recording.made(x.shape, 'first', recording.graph.node('Tanh', [recording.first(x)])),
  },
};
