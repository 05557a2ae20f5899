import { readdir } from 'node:fs/promises';
import { UserError } from '../../errors/userError';
import { openRegular } from '../../files/regular';
import { importCommand } from '../../files/weightFiles';

/** What people give instead of weights, by the first bytes; the first that fits is told. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'empty; download it again'],
  [/^\0+$/, 'nothing but zeros: the download or the copy has failed'],
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer and not the file itself: run git lfs pull in its folder'],
  [/^(\.\.\/)*\/?(\.git\/)?annex\/objects\//, 'a git-annex pointer and not the file itself: run git annex get or datalad get'],
  [/^\s*(<!doctype html|<html|<head)/i, 'a web page; the download has failed: Google Drive and Hugging Face answer so when a file needs a confirmation or a login'],
  [/^\s*<\?xml/, 'XML, most likely the error message of a failed download'],
  [/^\s*[[{]\s*"?error/i, 'the error message of a failed download'],
  [/^(Invalid username|Access to model|Entry not found|Repository not found|Not Found|404)/i, 'the error message of a failed download'],
  [/^\x89HDF\r\n/, 'an HDF5 file, as Keras and TensorFlow save weights: only PyTorch and safetensors files are read'],
  [/^\x93NUMPY/, 'a NumPy array: in Python, torch.save a dict of tensors'],
  [/^.{4}TFL3/s, 'a TensorFlow Lite model: only PyTorch and safetensors files are read'],
  [/^GGUF/, 'a GGUF file: only PyTorch and safetensors files are read'],
  [/^\x08[\x01-\x10](\x12|\x1a|\x22|\x3a|\x42)/s, 'an ONNX model: its names of weights are lost, so take the PyTorch file that it was made from'],
  [/^\x1f\x8b/, 'a gzip archive: unpack it first (gunzip, or tar -xzf)'],
  [/^BZh\d/, 'a bzip2 archive: unpack it first'],
  [/^\xfd7zXZ/, 'an xz archive: unpack it first'],
  [/^7z\xbc\xaf/, 'a 7-Zip archive: unpack it first'],
  [/^Rar!/, 'a RAR archive: unpack it first'],
  [/^.{257}ustar/s, 'a tar file: unpack it first; PyTorch before 0.2 saved weights so, which a newer one can save again'],
  [/^.{344}(n\+1|ni1)\0/s, 'a NIfTI image'],
  [/^.{128}DICM/s, 'a DICOM image'],
  [/^(MATLAB 5\.0)/, 'a MATLAB file'],
  [/^\s*[[{]/, 'a JSON text'],
]; // prettier-ignore

/** Names of entries that tell what a zip file is that torch.save has not written. */
const ZIPS: readonly (readonly [RegExp, string])[] = [
  [/\.npy$/, 'an .npz file of NumPy arrays: in Python, torch.save({name: torch.from_numpy(array) for name, array in numpy.load(FILE).items()}, "weights.pt")'],
  [/(^|\/)model\.weights\.h5$/, 'a Keras model: only PyTorch and safetensors files are read'],
  [/serialized_exported_program\.json$|(^|\/)models\/[^/]+\.json$/, 'a program of torch.export, not weights; in Python: torch.save(torch.export.load(FILE).state_dict, "weights.pt")'],
  [/\.(pt|pth|ckpt|bin|safetensors)$/i, 'an archive with weights in it: unpack it and name the file of weights'],
]; // prettier-ignore

/** "is an HDF5 file, …": why a file is no weights that are read; `head` are its first bytes. */
export function foreignKind(head: Uint8Array): string | undefined {
  const text = Buffer.from(head).toString('latin1');
  return KINDS.find(([pattern]) => pattern.test(text))?.[1];
}

/** What a zip file is that has no data.pkl of torch.save, by the names in it. */
export function foreignZip(names: readonly string[]): string {
  for (const [pattern, kind] of ZIPS) {
    const inside = names.find((name) => pattern.test(name));
    if (inside !== undefined) return `${kind} (it has ${inside.slice(0, 80)})`;
  }
  return 'a zip file without a data.pkl in it: not a file of torch.save';
}

/** What a folder is that was given for a file of weights. */
export async function foreignFolder(folder: string): Promise<UserError> {
  const names = await readdir(folder).catch((): string[] => []);
  const one = names.find((name) => /^(model\.safetensors|pytorch_model\.bin|checkpoint_final\.pth)$/.test(name));
  const kind = names.includes('.metadata')
    ? 'a sharded checkpoint; in Python: torch.distributed.checkpoint.format_utils.dcp_to_torch_save(FOLDER, "weights.pt")'
    : names.includes('saved_model.pb')
      ? 'a TensorFlow model; only PyTorch and safetensors files are read'
      : one !== undefined
        ? `name the file in it: ${one}`
        : 'name a file';
  return new UserError(`${folder}: is a directory, not a file: ${kind}`);
}

/** The error for a PyTorch file where a checkpoint of voco is needed. */
export function torchFile(file: string): UserError {
  return new UserError(
    `${file}: is a PyTorch file, which is not a checkpoint of voco; convert it first: ${importCommand(file)}`,
  );
}

/** What a file that is no safetensors file is instead; undefined where that cannot be told. */
export async function notSafetensors(file: string): Promise<UserError | undefined> {
  const head = await headOf(file).catch(() => undefined);
  if (!head || head.length === 0 || head[8] === 0x7b) return undefined;
  if (beginsAsTorch(head)) return torchFile(file);
  const kind = foreignKind(head);
  return kind === undefined ? undefined : new UserError(`${file}: is ${kind}`);
}

const HEAD_BYTES = 512;

/** First bytes of a file, fewer where it is shorter. */
export async function headOf(file: string): Promise<Uint8Array> {
  const handle = await openRegular(file);
  try {
    const bytes = new Uint8Array(HEAD_BYTES);
    const { bytesRead } = await handle.read(bytes, 0, HEAD_BYTES, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Whether bytes begin as the files of torch.save: a zip file, or a pickle of protocol 2 or later. */
const beginsAsTorch = (head: Uint8Array): boolean =>
  head[0] === 0x80 || (head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5));
