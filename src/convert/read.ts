import { UserError } from '../errors/userError';
import type { StateEntry } from '../nets/state';
import { SafetensorsFile, toFloat32, type DType, type TensorData } from '../runs/safetensors';

/** The tensors of a weights file that can be weights, and what the file says of itself. */
export interface WeightsFile {
  readonly file: string;
  /** What kind of file it is, for people. */
  readonly wrapper: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly entries: StateEntry[];
}

const OPTIMIZER = /^optimizer\./;

/** Numbers of a file as a state dict holds them; undefined for types that are no weights. */
export function asWeights(dtype: DType, data: TensorData): StateEntry['data'] | undefined {
  if (data instanceof Float32Array || data instanceof Int32Array) return data;
  if (dtype === 'F64' || dtype === 'F16' || dtype === 'BF16') return toFloat32(dtype, data);
  if (data instanceof BigInt64Array) return Int32Array.from(data, Number);
  return undefined;
}

/**
 * Reads the weights of a checkpoint or of any safetensors file; the optimizer's tensors are left out.
 *
 * @throws UserError naming the file when it is missing, malformed, a torch file, or has no tensor in a float32 type
 */
export async function readWeights(file: string): Promise<WeightsFile> {
  if (/\.(pt|pth|ckpt|bin)$/i.test(file)) {
    throw new UserError(`${file}: is a torch file; convert it first: voco import ${file} --out weights.safetensors`);
  }
  const opened = await SafetensorsFile.open(file);
  try {
    const { metadata, tensors } = opened.header;
    const entries: StateEntry[] = [];
    for (const { name, dtype, shape } of tensors.values()) {
      if (OPTIMIZER.test(name)) continue;
      const data = asWeights(dtype, await opened.read(name));
      if (data) entries.push({ name, shape, data });
    }
    const own = metadata.format === 'voco-checkpoint';
    const wrapper = own
      ? `checkpoint of a ${metadata.kind ?? 'training'} run, step ${metadata.step}`
      : 'safetensors file';
    return { file, wrapper, metadata, entries };
  } finally {
    await opened.close();
  }
}
