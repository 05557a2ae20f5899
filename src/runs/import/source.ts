import { existsSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, UserError } from '../../errors/userError';
import { parseJson } from '../../files/json';
import { openRegular } from '../../files/regular';
import { readText } from '../../files/text';
import type { Vec3 } from '../../geometry';
import { SafetensorsFile, type DType } from '../safetensors';
import { readRange } from '../zip/bytes';
import { asMaps, fieldPlan, lacksPlan, ofNnUnet, SIMPLE_ITK, type FieldPlan } from './fieldPlan';
import { foreignFolder, foreignKind, headOf } from './foreign';
import { planText } from './plans';
import { openTorchLegacy, openTorchZip, type TorchFile } from './torchFile';
import { walkTree, type FileTree } from './tree';

/** A tensor of a file, read when asked for. */
export interface SourceTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements in row-major order, little-endian. */
  read(): Promise<Uint8Array>;
}

/** A tensor with the keys of the dicts and lists around it; the last one is its name in the innermost dict. */
export interface PlacedTensor extends SourceTensor {
  readonly path: readonly string[];
  /** What it has in common with tensors that share their numbers with it. */
  readonly storage: string;
}

/** An open file of weights of any format, with all that is in it. */
export interface WeightsSource {
  readonly file: string;
  readonly format: string;
  /** Texts of a safetensors file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Of all numbers in it, uncompressed. */
  readonly bytes: number;
  /** Every tensor of the file; its name is its whole path, dotted. */
  readonly tensors: readonly PlacedTensor[];
  /** Entries that are not kept, with the reason. */
  readonly skipped: FileTree['skipped'];
  /** Objects that the file wanted made by a class or a function; nothing was made of them. */
  readonly objects: FileTree['objects'];
  /** The plan of nnU-Net or nnssl in it or beside it, and in a few words. */
  readonly field?: FieldPlan;
  readonly plan?: string;
  /** Which axis of its arrays each of ours is, where the order is another. */
  readonly axes?: Vec3;
  close(): Promise<void>;
}

const PLAN_FILE = 'adaptation_plan.json';

/** The plan that nnssl writes beside its checkpoints, dicts as Map; undefined where there is none or the file has one in it. */
async function planBeside(file: string, root: unknown): Promise<unknown> {
  const beside = join(dirname(file), PLAN_FILE);
  if (!lacksPlan(root) || !existsSync(beside)) return undefined;
  try {
    return asMaps(parseJson(await readText(beside, 'the plan')));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new UserError(`${beside}: is no JSON (${error.message}): repair the plan of ${file}, or move it away`);
  }
}

async function openTorch(handle: FileHandle, file: string): Promise<WeightsSource> {
  const torch = await openByContent(handle, file, await headOf(file));
  const { tensors, skipped, objects } = walkTree(torch.root, file);
  const field = fieldPlan(torch.root, await planBeside(file, torch.root), file);
  const plan = field && planText(field);
  const axes = field?.axes ?? (ofNnUnet(torch.root) ? SIMPLE_ITK : undefined);
  return {
    file,
    format: torch.format,
    bytes: torch.bytes,
    metadata: {},
    tensors: tensors.map(({ path, dtype, tensor }) => ({
      ...{ path, name: path.join('.'), dtype, shape: tensor.shape, storage: tensor.storage.key },
      read: () => torch.read(tensor),
    })),
    ...{ skipped, objects },
    ...(field && { field }),
    ...(plan !== undefined && { plan }),
    ...(axes && { axes }),
    close: () => handle.close(),
  };
}

function openByContent(handle: FileHandle, file: string, head: Uint8Array): Promise<TorchFile> {
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return openTorchZip(handle, file);
  // Protocol 2 and later; torch.save has never used an earlier one.
  if (head[0] === 0x80) return openTorchLegacy(handle, file);
  throw new UserError(`${file}: is ${foreignKind(head) ?? 'neither a file of torch.save nor safetensors'}`);
}

async function openSafetensors(file: string): Promise<WeightsSource> {
  const opened = await SafetensorsFile.open(file);
  const { tensors, metadata } = opened.header;
  const read = async (name: string): Promise<Uint8Array> => {
    const data = await opened.read(name);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  const list = [...tensors.values()].map(({ name, dtype, shape }) => ({
    ...{ path: [name], name, dtype, shape, storage: name },
    read: () => read(name),
  }));
  return {
    file,
    format: 'safetensors',
    bytes: [...tensors.values()].reduce((sum, { begin, end }) => sum + end - begin, 0),
    metadata,
    tensors: list,
    skipped: [],
    objects: [],
    close: () => opened.close(),
  };
}

async function isSafetensors(handle: FileHandle, file: string): Promise<boolean> {
  const { size } = await handle.stat();
  if (size < 9) return file.endsWith('.safetensors');
  const head = await readRange(handle, file, 0, 9);
  if (head[8] !== 0x7b) return false;
  // The first eight bytes are the header's length, which may begin like a pickle or a zip file.
  const torch = head[0] === 0x80 || (head[0] === 0x50 && head[1] === 0x4b);
  return !torch || Buffer.from(head).readBigUInt64LE(0) <= BigInt(size - 8);
}

/**
 * Opens a file of weights by its content: PyTorch's zip and legacy formats, or safetensors. Only its directory and its pickle
 * are read, and nothing in it is executed.
 *
 * @throws UserError when it is missing, malformed, unsafe or of another kind
 */
export async function openWeights(file: string): Promise<WeightsSource> {
  const handle = await openRegular(file);
  try {
    if ((await handle.stat()).isDirectory()) throw await foreignFolder(file);
    if (!(await isSafetensors(handle, file))) return await openTorch(handle, file);
    await handle.close();
    return await openSafetensors(file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw fileError(error, file, 'read the file');
  }
}
