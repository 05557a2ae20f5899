import { UserError } from '../errors/userError';
import type { StateEntry } from '../nets/state';
import type { CheckpointState } from '../runs/checkpoint';
import type { TensorData, TensorEntry } from '../runs/safetensors';
import type { Weights } from '../tasks';
import type { Optimizer } from '../tensor/optim';
import * as tf from '../tensor/tf';

/** Optimizer tensors stand beside the weights, under names that no network has. */
const OPTIMIZER = 'optimizer.';

function weightEntry({ name, shape, data }: StateEntry): TensorEntry {
  if (data instanceof Float32Array) return { name, dtype: 'F32', shape, data };
  // Integer buffers are int64 in torch's state dicts.
  return { name, dtype: 'I64', shape, data: BigInt64Array.from(data, BigInt) };
}

/** Weights in torch's names and shapes, and the optimizer's tensors as they are in memory. */
export async function checkpointTensors(model: Weights, optimizer: Optimizer): Promise<TensorEntry[]> {
  const entries = (await model.stateDict()).map(weightEntry);
  for (const [name, tensor] of optimizer.state()) {
    const dtype = tensor.dtype === 'int32' ? 'I32' : 'F32';
    const data = async (): Promise<ArrayBufferView> => await tensor.data();
    entries.push({ name: OPTIMIZER + name, dtype, shape: tensor.shape, data });
  }
  return entries;
}

/** Name of a weight with NaN or an infinity in it, or undefined; the optimizer's tensors are not looked at. */
export function nonFiniteTensor(entries: readonly TensorEntry[]): string | undefined {
  return entries.find(({ data }) => data instanceof Float32Array && !data.every(Number.isFinite))?.name;
}

function weightState(entry: TensorEntry<TensorData>, file: string): StateEntry {
  const { name, shape, data } = entry;
  if (data instanceof Float32Array || data instanceof Int32Array) return { name, shape, data };
  if (data instanceof BigInt64Array) return { name, shape, data: Int32Array.from(data, Number) };
  throw new UserError(`${file}: tensor ${name} is ${entry.dtype}; a checkpoint of this program has F32 weights`);
}

function optimizerTensor({ shape, data }: TensorEntry<TensorData>): tf.Tensor {
  const values = data as Float32Array | Int32Array;
  return tf.tensor(values, [...shape], values instanceof Int32Array ? 'int32' : 'float32');
}

/**
 * Puts a checkpoint's weights and optimizer state in place.
 *
 * @throws UserError naming the file when anything is missing or of another shape; nothing is left out silently.
 */
export function restore(
  state: CheckpointState<TensorData>,
  file: string,
  model: Weights,
  optimizer: Optimizer | undefined,
): void {
  const weights = state.tensors.filter((entry) => !entry.name.startsWith(OPTIMIZER));
  model.loadStateDict(
    weights.map((entry) => weightState(entry, file)),
    { strict: true, source: file },
  );
  if (!optimizer) return;
  const moments = state.tensors.filter((entry) => entry.name.startsWith(OPTIMIZER));
  const tensors = new Map(moments.map((entry) => [entry.name.slice(OPTIMIZER.length), optimizerTensor(entry)]));
  optimizer.loadState(tensors);
  tf.dispose([...tensors.values()]);
}
