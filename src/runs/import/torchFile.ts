import type { FileHandle } from 'node:fs/promises';
import { UserError } from '../../errors/userError';
import { checkMemory } from '../../files/memory';
import { DTYPE_BYTES, type DType } from '../safetensors';
import { ZipArchive } from '../zip/archive';
import { readRange } from '../zip/bytes';
import { ReadTotal } from './bounds';
import { foreignZip } from './foreign';
import { brokenPickle, PickleEnd, Work } from './machine';
import { readPickle } from './pickle';
import { extent, gather, isContiguous, type Storage, type TorchTensor } from './tensors';
import { TorchObjects } from './torchObjects';
import type { PickleHooks } from './values';

/** The pickle of a checkpoint is some hundred kilobytes: the numbers are outside it. */
const MAX_PICKLE_BYTES = 1 << 26;
const FIRST_PICKLE_BYTES = 1 << 22;

/** A PyTorch file whose pickle has been read; the numbers stay in the file until they are asked for. */
export interface TorchFile {
  readonly format: string;
  /** What was saved: dicts as Map, lists and tuples as arrays, tensors, placeholders. */
  readonly root: unknown;
  /** Bytes of the numbers in it, uncompressed. */
  readonly bytes: number;
  /** Elements of a tensor in row-major order. */
  read(tensor: TorchTensor): Promise<Uint8Array>;
}

type ReadStorage = (storage: Storage, begin: number, length: number) => Promise<Uint8Array>;

/** Reads tensors through their storages: a run of bytes where they are contiguous, their span otherwise. */
function tensorReader(file: string, bytes: number, readStorage: ReadStorage): TorchFile['read'] {
  const total = new ReadTotal(file, bytes);
  return async (tensor) => {
    const dtype = tensor.dtype as DType;
    const width = DTYPE_BYTES[dtype];
    const { begin, end } = extent(tensor);
    if (begin === end) return new Uint8Array(0);
    total.add((end - begin) * width);
    checkMemory(
      (end - begin + tensor.size) * width,
      file,
      `the numbers of a tensor [${tensor.shape.join(', ')}] would`,
    );
    const span = await readStorage(tensor.storage, tensor.storage.begin + begin * width, (end - begin) * width);
    return isContiguous(tensor) ? span : gather(tensor, dtype, span);
  };
}

const storedBytes = ({ storages }: TorchObjects): number =>
  [...storages.values()].reduce((sum, { bytes }) => sum + bytes, 0);

/** Files of torch.save since PyTorch 1.6. @throws UserError when it is malformed, unsafe or of another kind */
export async function openTorchZip(handle: FileHandle, file: string): Promise<TorchFile> {
  const archive = await ZipArchive.open(handle, file);
  const entry = [...archive.entries.values()].find(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (!entry) throw new UserError(`${file}: is ${foreignZip([...archive.entries.keys()])}`);
  const folder = entry.name.slice(0, -'data.pkl'.length);
  if (archive.entries.has(`${folder}constants.pkl`))
    throw new UserError(
      `${file}: is a TorchScript program of torch.jit.save, not weights; in Python: ` +
        'torch.save(torch.jit.load(FILE, "cpu").state_dict(), "weights.pt")',
    );
  if (entry.bytes > MAX_PICKLE_BYTES) throw brokenPickle(file, `its pickle claims ${entry.bytes} bytes`);
  const order = archive.entries.get(`${folder}byteorder`);
  if (order && new TextDecoder().decode(await archive.read(order, 0, Math.min(16, order.bytes))).trim() === 'big')
    throw new UserError(`${file}: was saved on a big-endian machine, which is not supported`);
  const objects = new TorchObjects(file);
  const { value } = readPickle(await archive.read(entry), 0, file, objects);
  const placeOf = (storage: Storage) => {
    const found = archive.entries.get(`${folder}data/${storage.key}`);
    if (!found) throw brokenPickle(file, `storage ${JSON.stringify(storage.key.slice(0, 80))} is not in it`);
    return found;
  };
  for (const storage of objects.storages.values()) {
    const { bytes } = placeOf(storage);
    if (bytes !== storage.bytes)
      throw brokenPickle(file, `storage ${storage.key} has ${bytes} bytes and claims ${storage.bytes}`);
  }
  const bytes = storedBytes(objects);
  const read = tensorReader(file, bytes, (storage, begin, length) => archive.read(placeOf(storage), begin, length));
  return { format: 'PyTorch zip', root: value, bytes, read };
}

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

interface LegacyPickles {
  readonly root: unknown;
  readonly keys: unknown;
  readonly objects: TorchObjects;
  readonly end: number;
}

const nothing: PickleHooks = { rebuild: () => undefined, persistent: () => undefined, named: () => undefined };

/** The five pickles in a row of the old format: magic number, protocol, system, what was saved, keys of the storages. */
function legacyPickles(bytes: Uint8Array, file: string): LegacyPickles {
  let at = 0;
  const work = new Work(file);
  const next = (hooks: PickleHooks): unknown => {
    const { value, end } = readPickle(bytes, at, file, hooks, work);
    at = end;
    return value;
  };
  const objects = new TorchObjects(file);
  if (next({ ...nothing, named: objects.named }) !== MAGIC)
    throw new UserError(`${file}: is a pickle, but not one of torch.save: in Python, torch.save a state_dict()`);
  if (next(nothing) !== PROTOCOL) throw brokenPickle(file, 'it is of an unknown version');
  const system = next(nothing);
  if (system instanceof Map && system.get('little_endian') === false)
    throw new UserError(`${file}: was saved on a big-endian machine, which is not supported`);
  const root = next(objects);
  return { root, keys: next(nothing), objects, end: at };
}

/** Parses pickles at the start of a file, reading more of it only when they are longer. */
async function readLegacyPickles(handle: FileHandle, file: string, size: number): Promise<LegacyPickles> {
  for (let length = FIRST_PICKLE_BYTES; ; length *= 4) {
    const bytes = await readRange(handle, file, 0, Math.min(length, size, MAX_PICKLE_BYTES));
    try {
      return legacyPickles(bytes, file);
    } catch (error) {
      const more = error instanceof PickleEnd && bytes.length < Math.min(size, MAX_PICKLE_BYTES);
      if (!more) throw error;
    }
  }
}

/** Where each storage's bytes begin: they follow one another, each after its number of elements. */
async function legacyPlaces(handle: FileHandle, file: string, pickles: LegacyPickles, size: number) {
  const { keys, objects } = pickles;
  if (!Array.isArray(keys)) throw brokenPickle(file, 'it has no list of its storages');
  const places = new Map<string, number>();
  let at = pickles.end;
  for (const key of keys as unknown[]) {
    const storage = typeof key === 'string' ? objects.storages.get(key) : undefined;
    if (!storage || places.has(storage.key)) throw brokenPickle(file, 'its list of storages does not fit its tensors');
    if (at + 8 + storage.bytes > size) throw brokenPickle(file, 'it is cut short');
    places.set(storage.key, at + 8);
    at += 8 + storage.bytes;
  }
  for (const key of objects.storages.keys())
    if (!places.has(key)) throw brokenPickle(file, `storage ${JSON.stringify(key.slice(0, 80))} is not in it`);
  await checkCounts(handle, file, objects, places);
  return places;
}

async function checkCounts(handle: FileHandle, file: string, objects: TorchObjects, places: Map<string, number>) {
  for (const [key, place] of places) {
    const count = new DataView((await readRange(handle, file, place - 8, 8)).buffer).getBigInt64(0, true);
    const { bytes } = objects.storages.get(key)!;
    const fits = count > 0n ? bytes % Number(count) === 0 && bytes / Number(count) <= 16 : bytes === 0 && count === 0n;
    if (!fits) throw brokenPickle(file, `storage ${key.slice(0, 80)} has ${count} elements and claims ${bytes} bytes`);
  }
}

/** Files of torch.save before PyTorch 1.6. @throws UserError when it is malformed or unsafe */
export async function openTorchLegacy(handle: FileHandle, file: string): Promise<TorchFile> {
  const { size } = await handle.stat();
  const pickles = await readLegacyPickles(handle, file, size);
  const places = await legacyPlaces(handle, file, pickles, size);
  const bytes = storedBytes(pickles.objects);
  const read = tensorReader(file, bytes, (storage, begin, length) =>
    readRange(handle, file, places.get(storage.key)! + begin, length),
  );
  return { format: 'PyTorch legacy', root: pickles.root, bytes, read };
}
