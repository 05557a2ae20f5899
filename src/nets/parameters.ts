import { RandomStream, streamId } from '../random/random';
import * as tf from '../tensor/tf';
import { loadEntries, type LoadOptions, type LoadReport, type LoadTarget, type StateEntry } from './state';
import { fromTorchLayout, tensorShape, toTorchLayout, volumeOf } from '../tensor/torchLayout';

/** How torch.nn (or MONAI) draws the first values of a parameter. */
export type Init =
  { kind: 'uniform'; bound: number } | { kind: 'normal'; std: number } | { kind: 'constant'; value: number };

/** A tensor of numbers with its torch state_dict name and shape: trained, or a statistic that training keeps up to date. */
export class Parameter {
  private held: tf.Variable | undefined;

  constructor(
    readonly name: string,
    /** Shape in the state dict: (out, in, kd, kh, kw) for a filter, (out, in) for a dense layer. */
    readonly torchShape: readonly number[],
    variable: tf.Variable | undefined,
    /** A kernel whose output an instance norm standardises: its scale changes nothing that the network computes. */
    readonly scaleFree: boolean,
    /** No gradient trains it: a running mean or variance. */
    readonly isStatistic = false,
  ) {
    this.held = variable;
  }

  get size(): number {
    return volumeOf(this.torchShape);
  }

  /** The tensor in the layout of `tensor/ops`. Not there in a set that was made only to be described. */
  get variable(): tf.Variable {
    if (!this.held) throw new Error(`${this.name}: the network was built without values`);
    return this.held;
  }

  /** The tensor, typed by rank for the operation that takes it. */
  get<T extends tf.Tensor>(): T {
    return this.variable as tf.Tensor as T;
  }

  dispose(): void {
    this.held?.dispose();
    this.held = undefined;
  }
}

/** A tensor of the state dict that is a function of the architecture (never trained, never loaded). */
interface Buffer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: () => Int32Array | Float32Array;
}

/** How often something was done, as torch's `num_batches_tracked`: an integer without axes in the state dict. */
export class Counter {
  readonly shape: readonly number[] = [];
  count = 0;

  constructor(readonly name: string) {}
}

type Item = Parameter | Counter | Buffer;

export interface ParameterSetOptions {
  seed: number;
  /** Prefix of the names in the random streams, so that e.g. student and teacher start from different values. */
  namespace?: string;
  /** Records names and shapes only: counts and layouts of a network of any size, without its memory. */
  describeOnly?: boolean;
}

/**
 * The parameters of a network in the order of its torch state_dict. Values are drawn from `RandomStream(seed, name)` in
 * torch's element order: a parameter's start depends on its own name only.
 */
export class ParameterSet {
  private readonly items: Item[] = [];

  constructor(private readonly options: ParameterSetOptions) {}

  /** @param scaleFree whether a norm follows the kernel */
  add(name: string, torchShape: readonly number[], init: Init, scaleFree = false): Parameter {
    return this.addTensor(name, torchShape, init, { scaleFree });
  }

  /** A tensor that checkpoints hold and no gradient trains, such as a running mean. */
  addStatistic(name: string, torchShape: readonly number[], value: number): Parameter {
    return this.addTensor(name, torchShape, { kind: 'constant', value }, { isStatistic: true });
  }

  addCounter(name: string): Counter {
    const counter = new Counter(name);
    this.items.push(counter);
    return counter;
  }

  private addTensor(
    name: string,
    torchShape: readonly number[],
    init: Init,
    { scaleFree = false, isStatistic = false },
  ): Parameter {
    const variable = this.options.describeOnly ? undefined : this.create(name, torchShape, init);
    const parameter = new Parameter(name, torchShape, variable, scaleFree, isStatistic);
    this.items.push(parameter);
    return parameter;
  }

  addBuffer(name: string, shape: readonly number[], values: () => Int32Array | Float32Array): void {
    this.items.push({ name, shape, values });
  }

  private create(name: string, torchShape: readonly number[], init: Init): tf.Variable {
    const random = new RandomStream(this.options.seed, streamId((this.options.namespace ?? '') + name));
    const values = fromTorchLayout(drawInitial(random, volumeOf(torchShape), init), torchShape);
    return tf.tidy(() => tf.variable(tf.tensor(values, tensorShape(torchShape), 'float32')));
  }

  /** What is trained. */
  get all(): readonly Parameter[] {
    return this.tensors.filter(({ isStatistic }) => !isStatistic);
  }

  /** What is trained, and statistics. */
  get tensors(): readonly Parameter[] {
    return this.items.filter((item): item is Parameter => item instanceof Parameter);
  }

  /** Number of trainable numbers. */
  get count(): number {
    return this.all.reduce((sum, parameter) => sum + parameter.size, 0);
  }

  /** Names and torch shapes of the whole state dict, buffers included. */
  get layout(): { name: string; shape: readonly number[] }[] {
    return this.items.map((item) =>
      item instanceof Parameter ? { name: item.name, shape: item.torchShape } : { name: item.name, shape: item.shape },
    );
  }

  /** The torch state dict: names, shapes and element order as `torch.save(net.state_dict())` would have them. */
  async stateDict(): Promise<StateEntry[]> {
    const entries: StateEntry[] = [];
    for (const item of this.items) {
      if (item instanceof Parameter) {
        const values = (await item.variable.data()) as Float32Array;
        entries.push({ name: item.name, shape: item.torchShape, data: toTorchLayout(values, item.torchShape) });
      } else {
        const data = item instanceof Counter ? Int32Array.of(item.count) : item.values();
        entries.push({ name: item.name, shape: item.shape, data });
      }
    }
    return entries;
  }

  /**
   * Copies tensors in by name. Buffers follow from the architecture and are only counted as matched.
   *
   * @throws UserError in strict mode when a tensor is missing, unexpected or of another shape; nothing is changed then.
   */
  loadStateDict(entries: Iterable<StateEntry>, options: LoadOptions = {}): LoadReport {
    return loadEntries(this.targets(), entries, options);
  }

  /** Where values go by name, with `prefix` in front: for loading several sets from one state dict. */
  targets(prefix = ''): LoadTarget[] {
    return this.items.map((item) => ({
      name: prefix + item.name,
      shape: item instanceof Parameter ? item.torchShape : item.shape,
      assign: (data) => {
        if (item instanceof Parameter) assignFromTorch(item, data);
        else if (item instanceof Counter) item.count = data[0]!;
      },
    }));
  }

  dispose(): void {
    for (const tensor of this.tensors) tensor.dispose();
  }
}

function assignFromTorch(parameter: Parameter, data: StateEntry['data']): void {
  const values = fromTorchLayout(Float32Array.from(data), parameter.torchShape);
  tf.tidy(() => parameter.variable.assign(tf.tensor(values, tensorShape(parameter.torchShape), 'float32')));
}

function drawInitial(random: RandomStream, size: number, init: Init): Float32Array {
  const values = new Float32Array(size);
  if (init.kind === 'constant') return values.fill(init.value);
  for (let i = 0; i < size; i++) {
    values[i] = init.kind === 'uniform' ? random.range(-init.bound, init.bound) : init.std * random.normal();
  }
  return values;
}
