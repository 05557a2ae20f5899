/** The `onednn` tfjs backend: the `cpu` backend with pooled memory, so that every kernel of `cpu` works on its tensors. */
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { adamwNumbers, type AdamWStep, type AdamWTensors, type InPlaceUpdates } from '../../optim/inPlace';
import * as tf from '../../tf';
import { type Addon, Reduction } from './addon';
import { Multiply } from './bf16';
import { type Block, BufferPool, type PoolStats } from './pool';

type Values = Float32Array | Int32Array | Uint8Array;
type DataId = tf.DataId;

interface TensorData {
  values?: Values | Uint8Array[];
  dtype: tf.DataType;
  complexTensorInfos?: { real: tf.TensorInfo; imag: tf.TensorInfo };
  refCount: number;
  block?: Block;
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;
type PooledType = keyof typeof ARRAYS;
const isPooled = (dtype: tf.DataType): dtype is PooledType => dtype in ARRAYS;

export class OneDnnBackend extends MathBackendCPU implements InPlaceUpdates {
  readonly pool: BufferPool;
  /** How the layers' products are computed: one of `Multiply`. */
  multiply: number = Multiply.float32;
  private nextId = 0;
  private fallbackDepth = 0;
  private waiting: Block[] = [];

  constructor(readonly addon: Addon) {
    super();
    this.pool = new BufferPool(addon);
  }

  /** A tensor whose values are not yet written. */
  empty(shape: number[], dtype: PooledType = 'float32'): tf.TensorInfo {
    const dataId = { id: this.nextId++ };
    this.store(dataId, { ...this.allocate(tf.util.sizeFromShape(shape), dtype), dtype, refCount: 1 });
    return { dataId, shape, dtype };
  }

  /** The tensor's own memory; valid until it is disposed. */
  floats(tensor: tf.TensorInfo): Float32Array {
    return this.entry(tensor.dataId).values as Float32Array;
  }

  values(tensor: tf.TensorInfo): Values {
    return this.entry(tensor.dataId).values as Values;
  }

  /** Runs a kernel of the `cpu` backend: memory that it frees is not used again before it has returned. */
  fallback<T>(kernel: () => T): T {
    this.fallbackDepth++;
    try {
      return kernel();
    } finally {
      if (--this.fallbackDepth === 0) {
        for (const block of this.waiting) this.pool.give(block);
        this.waiting = [];
      }
    }
  }

  /** Copies the values: they may be the caller's, or (from a kernel of `cpu`) part of another tensor's. */
  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): DataId {
    const dataId = { id: this.nextId++ };
    this.move(dataId, values, shape, dtype, 1);
    return dataId;
  }

  override move(
    dataId: DataId,
    values: tf.backend_util.BackendValues | undefined,
    shape: number[],
    dtype: tf.DataType,
    refCount: number,
  ): void {
    if (!isPooled(dtype)) {
      this.store(dataId, { values: values as Uint8Array[] | undefined, dtype, refCount });
      return;
    }
    const memory = this.allocate(values?.length ?? tf.util.sizeFromShape(shape), dtype);
    if (values) memory.values.set(values as Values);
    else memory.values.fill(0);
    this.store(dataId, { ...memory, dtype, refCount });
  }

  override readSync(dataId: DataId): tf.backend_util.BackendValues {
    const { values, dtype } = this.entry(dataId);
    return isPooled(dtype) ? (values as Values).slice() : super.readSync(dataId);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const { block } = this.entry(dataId);
    const released = super.disposeData(dataId, force);
    if (released && block) {
      if (this.fallbackDepth > 0) this.waiting.push(block);
      else this.pool.give(block);
    }
    return released;
  }

  override memory(): { unreliable: boolean; reasons: string[] } & PoolStats {
    return { unreliable: false, reasons: [], ...this.pool.read() };
  }

  poolStats(): PoolStats & { scratchBytes: number } {
    return { ...this.pool.read(), scratchBytes: this.addon.describe().scratchBytes };
  }

  /** Gives all memory that no tensor holds back to the system. */
  trim(): void {
    this.pool.trim();
    this.addon.trim();
  }

  setThreads(threads: number): void {
    this.addon.setThreads(Math.max(1, Math.floor(threads)));
  }

  /** One step of torch.optim.AdamW, in place. Tensors without a gradient are left out by the caller. */
  adamwStep({ parameters, gradients, m, v, vmax }: AdamWTensors<DataId>, options: AdamWStep): void {
    const { keep, rate, correction, beta1, rest1, beta2, rest2, eps } = adamwNumbers(options);
    const numbers = [keep, rate, correction, beta1, rest1, beta2, rest2, eps];
    parameters.forEach((parameter, i) => {
      const values = this.array(parameter);
      const bound = vmax ? this.array(vmax[i]!) : null;
      this.addon.adamw(
        numbers, values, this.array(gradients[i]!), this.array(m[i]!), this.array(v[i]!), bound, values.length,
      ); // prettier-ignore
    });
  }

  /** teacher = momentum · teacher + (1 − momentum) · student, in place. */
  emaStep(teacher: DataId[], student: DataId[], momentum: number): void {
    teacher.forEach((target, i) => {
      const values = this.array(target);
      this.addon.lerp(values, this.array(student[i]!), values.length, 1 - momentum);
    });
  }

  /** The sum of the squares of all numbers in the tensors. */
  sumOfSquares(ids: DataId[]): number {
    const one = new Float32Array(1);
    let total = 0;
    for (const id of ids) {
      const values = this.array(id);
      this.addon.reduce(Reduction.SumOfSquares, values, one, 1, values.length, 1);
      total += one[0]!;
    }
    return total;
  }

  /** target += addend, in place. */
  accumulate(target: DataId, addend: DataId): void {
    const values = this.array(target);
    this.addon.binary(
      this.addon.binaryOps.indexOf('Add'), values, this.array(addend), values, [values.length], [1], [1], 0,
    ); // prettier-ignore
  }

  /** values *= factor, in place. */
  scaleInPlace(ids: DataId[], factor: number): void {
    for (const id of ids) {
      const values = this.array(id);
      this.addon.unary(this.addon.unaryOps.indexOf('MulScalar'), values, values, values.length, factor);
    }
  }

  private array(dataId: DataId): Float32Array {
    return this.entry(dataId).values as Float32Array;
  }

  private entry(dataId: DataId): TensorData {
    return this.data.get(dataId) as TensorData;
  }

  private store(dataId: DataId, data: TensorData): void {
    this.data.set(dataId, data as ReturnType<typeof this.data.get>);
  }

  private allocate(size: number, dtype: PooledType): { values: Values; block: Block } {
    const array = ARRAYS[dtype];
    const block = this.pool.take(size * array.BYTES_PER_ELEMENT);
    return { values: new array(block.buffer, block.offset, size), block };
  }
}
