/** A tfjs backend that computes nothing: it writes down what a network does to a tensor. */
import * as tf from '../tensor/tf';
import type { AnyLowering, LoweringTable } from './lowering';
import { Value, type Recording } from './recording';

export const BACKEND = 'onnx';

interface Held {
  readonly value: Value;
  references: number;
}

export class RecordingBackend extends tf.KernelBackend {
  private readonly held = new Map<tf.DataId, Held>();
  private nextId = 0;
  private current: Recording | undefined;

  /** Records what is computed until {@link end}. */
  begin(recording: Recording): void {
    this.current = recording;
  }

  end(): void {
    this.current = undefined;
  }

  get recording(): Recording {
    if (!this.current) throw new Error('nothing is being recorded');
    return this.current;
  }

  /** A tensor that stands for a value. */
  tensor(value: Value): tf.TensorInfo {
    const dataId = { id: this.nextId++ };
    this.held.set(dataId, { value, references: 1 });
    return { dataId, shape: [...value.shape], dtype: 'float32' };
  }

  /** What a tensor stands for, in the shape that it has there. */
  lookUp(tensor: tf.TensorInfo): Value {
    const entry = this.held.get(tensor.dataId);
    if (!entry) throw new Error('a tensor of another device is in the recorded network');
    return entry.value;
  }

  /** Gives a parameter its name in the state dict. */
  name(tensor: tf.TensorInfo, name: string): void {
    const { constant, shape } = this.lookUp(tensor);
    const value = new Value(shape, { values: constant!.values, name });
    this.held.set(tensor.dataId, { value, references: this.refCount(tensor.dataId) });
  }

  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    if (dtype !== 'float32') throw new Error(`a tensor of type ${dtype} is in the recorded network`);
    return this.tensor(new Value(shape, { values: values as Float32Array })).dataId;
  }

  override refCount(dataId: tf.DataId): number {
    return this.held.get(dataId)?.references ?? 0;
  }

  override incRef(dataId: tf.DataId): void {
    const entry = this.held.get(dataId);
    if (entry) entry.references += 1;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const entry = this.held.get(dataId);
    if (!entry) return true;
    entry.references -= 1;
    if (!force && entry.references > 0) return false;
    this.held.delete(dataId);
    return true;
  }

  override numDataIds(): number {
    return this.held.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override dispose(): void {
    this.held.clear();
  }
}

function kernelOf(lowering: AnyLowering): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const own = backend as RecordingBackend;
    const lookUp = (tensor: tf.TensorInfo | undefined) => tensor && own.lookUp(tensor);
    const known = Object.entries(inputs).map(([name, tensor]) => [name, lookUp(tensor)] as const);
    const values = Array.isArray(inputs) ? inputs.map(lookUp) : Object.fromEntries(known);
    const made = lowering({ recording: own.recording, inputs: values, attrs: attrs ?? {} });
    return Array.isArray(made) ? made.map((value) => own.tensor(value)) : own.tensor(made);
  };
}

/** The backend, made known to tfjs at its first use, with these kernels. */
export function recordingBackend(tables: readonly LoweringTable[]): RecordingBackend {
  if (!tf.findBackend(BACKEND)) tf.registerBackend(BACKEND, () => new RecordingBackend(), 0);
  const lowerings = tables.flatMap((table) => Object.entries(table) as [string, AnyLowering][]);
  for (const [kernelName, lowering] of lowerings)
    if (!tf.getKernel(kernelName, BACKEND))
      tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: kernelOf(lowering) });
  return tf.findBackend(BACKEND) as RecordingBackend;
}
