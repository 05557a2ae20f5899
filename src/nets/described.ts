import type { Vec3 } from '../geometry';
import * as tf from '../tensor/tf';
import { pooledSizeOf, poolAll } from './blocks';
import type { NetworkDescriptor, NetworkSection } from './descriptor';
import { checkInputSize } from './inputSize';
import { Scope } from './layers';
import { ParameterSet, type ParameterSetOptions } from './parameters';
import type { Encoder, Network, Scale } from './types';

type Described<Section extends NetworkSection> = Pick<NetworkDescriptor<Section>, 'sizeProblem' | 'stateDict'>;

/** What the networks of all descriptors share: their parameters, which of these are the encoder's, and the crops that they take. */
export abstract class DescribedNetwork<Section extends NetworkSection> implements Network {
  readonly parameters: ParameterSet;
  readonly inChannels: number;

  constructor(
    private readonly descriptor: Described<Section>,
    protected readonly section: Section,
    init: ParameterSetOptions,
  ) {
    this.parameters = new ParameterSet(init);
    this.inChannels = section.inChannels;
  }

  checkSize(size: Vec3): void {
    checkInputSize(this.descriptor, this.section, size);
  }

  /** @param x [N, D, H, W, C]; @throws UserError as {@link checkSize} */
  protected checkInput(x: tf.Tensor5D): void {
    this.checkSize([x.shape[1], x.shape[2], x.shape[3]]);
  }

  isEncoderParameter(name: string): boolean {
    return this.descriptor.stateDict.encoder.test(name);
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/** Makes features of every scale of crops [N, D, H, W, C], from fine to coarse. */
export interface Trunk {
  forward(x: tf.Tensor5D): tf.Tensor5D[];
}

/** An encoder that is its trunk, and nothing else. */
export abstract class TrunkEncoder<Section extends NetworkSection>
  extends DescribedNetwork<Section>
  implements Encoder
{
  readonly pooledSize: number;
  private readonly trunk: Trunk;

  constructor(
    descriptor: Described<Section>,
    section: Section,
    init: ParameterSetOptions,
    readonly scales: readonly Scale[],
    trunkOf: (scope: Scope) => Trunk,
  ) {
    super(descriptor, section, init);
    this.pooledSize = pooledSizeOf(scales);
    this.trunk = trunkOf(new Scope(this.parameters));
  }

  forward(x: tf.Tensor5D): tf.Tensor5D[] {
    this.checkInput(x);
    return tf.tidy(() => this.trunk.forward(x));
  }

  pooled(x: tf.Tensor5D): tf.Tensor2D {
    return tf.tidy(() => poolAll(this.forward(x)));
  }
}
