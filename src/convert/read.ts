import { existsSync } from 'node:fs';
import { UserError } from '../errors/userError';
import { checkMemory } from '../files/memory';
import { importCommand, isNamedAsTorch } from '../files/weightFiles';
import type { StateEntry } from '../nets/state';
import { openWeights, tensorBytes, torchFile, type WeightsSource } from '../runs/import';
import { refuseFolder } from '../runs/refuseFolder';
import { countNonFinite, toFloat32, viewAs, type DType, type TensorData } from '../runs/safetensors';

/** The tensors of a weights file that can be weights, and what the file says of itself. */
export interface WeightsFile {
  readonly file: string;
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

/** Opens weights that are not to be PyTorch's any more. @throws UserError with the command that converts such a file, or the checkpoint of such a run */
export async function openConverted(file: string): Promise<WeightsSource> {
  await refuseFolder(file);
  const source = await openWeights(file).catch((error: unknown) => {
    // A name that is not there: what to do with the file when it is.
    if (!(error instanceof UserError) || !isNamedAsTorch(file) || existsSync(file)) throw error;
    throw new UserError(`${error.message} (a PyTorch file is converted first: ${importCommand(file)})`);
  });
  if (source.format === 'safetensors') return source;
  await source.close();
  throw torchFile(file);
}

/** The numbers of a tensor. @throws UserError naming the file where some are NaN or infinite: a network with them computes nothing */
export function refuseNonFinite(file: string, name: string, data: StateEntry['data']): StateEntry['data'] {
  if (!(data instanceof Float32Array) || countNonFinite('F32', data) === 0) return data;
  throw new UserError(
    `${file}: "${name}" holds NaN or infinite numbers: the training that wrote it had diverged; take an earlier checkpoint`,
  );
}

/**
 * Reads the weights of a checkpoint or of any safetensors file; the optimizer's tensors are left out.
 *
 * @throws UserError naming the file when it is missing, malformed, a torch file, has no tensor in a float32 type, or holds NaN
 */
export async function readWeights(file: string): Promise<WeightsFile> {
  const source = await openConverted(file);
  try {
    const entries: StateEntry[] = [];
    const wanted = source.tensors.filter(({ name }) => !OPTIMIZER.test(name));
    checkMemory(
      wanted.reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
      file,
      'its weights would',
    );
    for (const { name, dtype, shape, read } of wanted) {
      const data = asWeights(dtype, viewAs(dtype, await read()));
      if (data) entries.push({ name, shape, data: refuseNonFinite(file, name, data) });
    }
    return { file, metadata: source.metadata, entries };
  } finally {
    await source.close();
  }
}
