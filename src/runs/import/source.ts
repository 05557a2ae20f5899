import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { fileError, UserError } from '../../errors/userError';
import { SafetensorsFile, type DType } from '../safetensors';
import { readRange } from '../zip/bytes';
import { findStateDict, type Branch } from './stateDict';
import { openTorchLegacy, openTorchZip, type TorchFile } from './torchFile';

/** A tensor of a file, read when asked for. */
export interface SourceTensor {
  /** Its name in the file, below the wrapper. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Elements in row-major order, little-endian. */
  read(): Promise<Uint8Array>;
}

/** An open file of weights of any format. */
export interface WeightsSource {
  readonly file: string;
  readonly format: string;
  /** Where in the file the weights were: `state_dict`, …; empty where the file is nothing else. */
  readonly wrapper: string;
  /** Texts of a safetensors file. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly SourceTensor[];
  /** Tensors that share their numbers with another one of the file. */
  readonly shared: number;
  /** Entries of the state dict that are not kept, with the reason. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Classes and functions that the file wanted made or called, and where; nothing was made of them. */
  readonly refused: readonly { readonly name: string; readonly where: string }[];
  close(): Promise<void>;
}

const HEAD_BYTES = 512;

async function openTorch(handle: FileHandle, file: string, branch: Branch): Promise<WeightsSource> {
  const head = await readRange(handle, file, 0, Math.min(HEAD_BYTES, (await handle.stat()).size));
  const torch = await openByContent(handle, file, head);
  const found = findStateDict(torch.root, file, branch);
  const places = found.tensors.map(({ tensor: { storage } }) => `${storage.key}`);
  return {
    file,
    format: torch.format,
    wrapper: found.wrapper,
    metadata: {},
    tensors: found.tensors.map(({ name, dtype, tensor }) => ({
      name,
      dtype,
      shape: tensor.shape,
      read: () => torch.read(tensor),
    })),
    shared: places.length - new Set(places).size,
    skipped: found.skipped,
    refused: found.refused,
    close: () => handle.close(),
  };
}

function openByContent(handle: FileHandle, file: string, head: Uint8Array): Promise<TorchFile> {
  const text = Buffer.from(head).toString('latin1');
  if (text.startsWith('PK\x03\x04') || text.startsWith('PK\x05\x06')) return openTorchZip(handle, file);
  // Protocol 2 and later; torch.save has never used an earlier one.
  if (head[0] === 0x80) return openTorchLegacy(handle, file);
  const kind = text.startsWith('\x89HDF')
    ? 'an HDF5 file'
    : text.slice(257, 262) === 'ustar'
      ? 'a tar file, as PyTorch before 0.2 saved them'
      : /^\s*<(!doctype|html)/i.test(text)
        ? 'a web page; the download has failed'
        : /^version https:\/\/git-lfs/.test(text)
          ? 'a Git LFS pointer; fetch the file itself'
          : head.length === 0
            ? 'empty'
            : 'neither a file of torch.save nor safetensors';
  throw new UserError(`${file}: is ${kind}`);
}

async function openSafetensors(file: string): Promise<WeightsSource> {
  const opened = await SafetensorsFile.open(file);
  const { tensors, metadata } = opened.header;
  const read = async (name: string): Promise<Uint8Array> => {
    const data = await opened.read(name);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  const list = [...tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape, read: () => read(name) }));
  return {
    file,
    format: 'safetensors',
    wrapper: '',
    metadata,
    tensors: list,
    shared: 0,
    skipped: [],
    refused: [],
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
 * @param branch which of `student` and `teacher` to take where the file has both as separate dicts
 * @throws UserError when it is missing, malformed, unsafe, of another kind, or has no weights in it
 */
export async function openWeights(file: string, branch: Branch = 'student'): Promise<WeightsSource> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw fileError(error, file, 'read the file');
  });
  try {
    if ((await handle.stat()).isDirectory()) throw new UserError(`${file}: is a directory, not a file`);
    if (!(await isSafetensors(handle, file))) return await openTorch(handle, file, branch);
    await handle.close();
    return await openSafetensors(file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw fileError(error, file, 'read the file');
  }
}
