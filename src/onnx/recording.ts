import { toTorchLayout, volumeOf } from '../tensor/torchLayout';
import { GraphBuilder } from './graph';

/**
 * The size of the batch while a network is recorded: a prime that no other size is a multiple of, so that every size that has
 * the batch in it can be recognised and left open in the graph.
 */
export const BATCH = 7919;

/** Numbers that are part of the model, in the layout of `tensor/ops`. */
export interface Constant {
  /** Name in the state dict; none for numbers that are no parameter. */
  readonly name?: string;
  readonly values: Float32Array;
}

/** A tensor of the recorded computation: the names that it has in the graph, by layout. */
export class Value {
  /** In the order of its shape: channels last, where it has space. */
  last?: string;
  /** [N, C, D, H, W] of a tensor [N, D, H, W, C]. */
  first?: string;

  constructor(
    readonly shape: readonly number[],
    readonly constant?: Constant,
  ) {}
}

const CHANNELS_FIRST = [0, 4, 1, 2, 3];
const CHANNELS_LAST = [0, 2, 3, 4, 1];

/** The graph of a network while it is recorded. Layers with space work channels first in ONNX, and all others as here. */
export class Recording {
  readonly graph = new GraphBuilder();

  /** A tensor that a node has made. */
  made(shape: readonly number[], layout: 'first' | 'last', name: string): Value {
    const value = new Value(shape);
    value[layout] = name;
    return value;
  }

  /** The name of a tensor in the order of its shape. */
  last(value: Value): string {
    if (value.last === undefined) {
      if (value.constant) value.last = this.initializer(value.constant, value.shape);
      else if (value.first !== undefined) value.last = this.transpose(value.first, CHANNELS_LAST);
      else throw new Error('a tensor of the network depends on statistics that are only there in training');
    }
    return value.last;
  }

  /** The name of a tensor [N, D, H, W, C] as [N, C, D, H, W]. */
  first(value: Value): string {
    value.first ??= this.transpose(this.last(value), CHANNELS_FIRST);
    return value.first;
  }

  transpose(input: string, perm: readonly number[]): string {
    return this.graph.node('Transpose', [input], { perm: { ints: perm } });
  }

  /** Sizes with the batch in them stay open: at most one may. */
  reshape(input: string, shape: readonly number[]): string {
    const open = shape.filter((size) => size % BATCH === 0 && size > 0).length;
    if (open > 1) throw new Error(`shape [${shape.join(', ')}] has the batch in it twice`);
    const sizes = shape.map((size) => (size % BATCH === 0 && size > 0 ? -1 : size));
    return this.graph.node('Reshape', [input, this.graph.int64(sizes)]);
  }

  /** From `starts` up to `ends` (excluded) of the axes named. */
  slice(input: string, starts: readonly number[], ends: readonly number[], axes: readonly number[]): string {
    const { graph } = this;
    return graph.node('Slice', [input, graph.int64(starts), graph.int64(ends), graph.int64(axes)]);
  }

  /** A filter of `tensor/ops` in torch's order, which is also ONNX's. */
  filter(value: Value): { name: string; shape: readonly number[] } {
    const { constant } = value;
    if (!constant) throw new Error('a filter that is computed cannot be exported');
    const [kd, kh, kw, b, a] = value.shape as [number, number, number, number, number];
    const shape = [a, b, kd, kh, kw];
    value.first ??= this.initializer({ ...constant, values: toTorchLayout(constant.values, shape) }, shape);
    return { name: value.first, shape };
  }

  /** The module that a parameter belongs to. */
  moduleOf(value: Value | undefined): string | undefined {
    return value?.constant?.name?.replace(/\.[^.]*$/, '');
  }

  private initializer({ name = 'constant', values }: Constant, shape: readonly number[]): string {
    if (values.length !== volumeOf(shape)) throw new Error(`${name} has ${values.length} numbers`);
    const bytes = (): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.graph.initializer(name, 'float', shape, bytes);
  }
}
