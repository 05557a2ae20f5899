/** ONNX's intermediate representation, as far as networks need it. Source: onnx/onnx.proto, docs/IR.md. */

/** Element types by their numbers in the format, and the bytes of an element. */
export const ELEMENTS = {
  float: { code: 1, bytes: 4 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  bool: { code: 9, bytes: 1 },
} as const;
export type ElementType = keyof typeof ELEMENTS;

export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly text: string };

export interface Node {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A tensor that is part of the model. */
export interface Initializer {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  /** Elements in C order, little endian. Called once, when the file is written. */
  readonly bytes: () => Uint8Array;
}

/** An input or output; a dimension that is a name may be of any size. */
export interface Port {
  readonly name: string;
  readonly dims: readonly (number | string)[];
  readonly description: string;
}

export interface Graph {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

const bytesOf = (values: ArrayBufferView): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Collects nodes and initializers under names of their own; constants that are asked for twice are made once. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly initializers: Initializer[] = [];
  private readonly names = new Map<string, number>();
  private readonly constants = new Map<string, string>();

  /** A name that nothing has yet: `wanted`, or `wanted` with a number. */
  unique(wanted: string): string {
    const uses = this.names.get(wanted) ?? 0;
    this.names.set(wanted, uses + 1);
    return uses === 0 ? wanted : this.unique(`${wanted}_${uses}`);
  }

  /** @param at the module that the node is part of, for people who look at the graph. @returns the name of its output. */
  node(op: string, inputs: readonly string[], attributes: Node['attributes'] = {}, at?: string): string {
    return this.nodeWithOutputs(op, inputs, 1, attributes, at)[0]!;
  }

  nodeWithOutputs(
    op: string,
    inputs: readonly string[],
    count: number,
    attributes: Node['attributes'] = {},
    at?: string,
  ): string[] {
    const name = this.unique(at ? `${at}/${op}` : op);
    const outputs = Array.from({ length: count }, (_, i) => this.unique(count === 1 ? `${name}:0` : `${name}:${i}`));
    this.nodes.push({ op, name, inputs, outputs, attributes });
    return outputs;
  }

  initializer(name: string, type: ElementType, dims: readonly number[], bytes: () => Uint8Array): string {
    const own = this.unique(name);
    this.initializers.push({ name: own, type, dims, bytes });
    return own;
  }

  /** What `make` gives for this key: made once in a graph. */
  once(key: string, make: () => string): string {
    const known = this.constants.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.constants.set(key, made);
    return made;
  }

  /** A list of whole numbers, as shapes, axes and pads are given. */
  int64(values: readonly number[]): string {
    return this.once(`int64 ${values.join(' ')}`, () =>
      this.initializer('ints', 'int64', [values.length], () => bytesOf(BigInt64Array.from(values, BigInt))),
    );
  }

  /** A list of numbers, as factors of sizes are given. */
  floats(values: readonly number[]): string {
    return this.once(`floats ${values.join(' ')}`, () =>
      this.initializer('numbers', 'float', [values.length], () => bytesOf(Float32Array.from(values))),
    );
  }

  /** One number, of no axes. */
  scalar(value: number): string {
    return this.once(`float ${value}`, () =>
      this.initializer('number', 'float', [], () => bytesOf(Float32Array.of(value))),
    );
  }

  /** `count` times the same number. */
  filled(count: number, value: number): string {
    return this.once(`filled ${count} ${value}`, () =>
      this.initializer('filled', 'float', [count], () => bytesOf(new Float32Array(count).fill(value))),
    );
  }

  /** A table of fixed numbers, made once for its key. */
  table(key: string, values: Int32Array | Uint8Array | BigInt64Array, dims: readonly number[]): string {
    const type = values instanceof Int32Array ? 'int32' : values instanceof Uint8Array ? 'bool' : 'int64';
    return this.once(key, () => this.initializer(key, type, dims, () => bytesOf(values)));
  }
}
