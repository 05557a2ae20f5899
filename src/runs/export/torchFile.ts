import { UserError } from '../../errors/userError';
import { writeAtomically } from '../../files/atomic';
import { STORAGE_DTYPES } from '../import/tensors';
import type { SourceTensor } from '../import';
import { ZipWriter } from '../zip/writer';

const FOLDER = 'archive';

/** Names of torch's storage classes by element type. */
const STORAGES = new Map(
  Object.entries(STORAGE_DTYPES).flatMap(([name, dtype]) =>
    dtype && name !== 'UntypedStorage' ? [[dtype as string, name] as const] : [],
  ),
);

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Writes the few pickle operations (protocol 2) that a state dict needs. */
class PickleWriter {
  private readonly parts: Buffer[] = [latin('\x80\x02')];

  raw(operations: string): this {
    this.parts.push(latin(operations));
    return this;
  }

  global(module: string, name: string): this {
    return this.raw(`c${module}\n${name}\n`);
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    const length = Buffer.alloc(5, 'X');
    length.writeUInt32LE(bytes.length, 1);
    this.parts.push(length, bytes);
    return this;
  }

  /** A whole number of at least 0. */
  integer(value: number): this {
    const bytes = Buffer.alloc(10);
    bytes[0] = 0x8a;
    // Eight bytes hold every length that a number can say; the sign bit stays clear.
    bytes[1] = 8;
    bytes.writeBigUInt64LE(BigInt(value), 2);
    this.parts.push(bytes);
    return this;
  }

  tuple(values: readonly number[]): this {
    this.raw('(');
    for (const value of values) this.integer(value);
    return this.raw('t');
  }

  bytes(): Uint8Array {
    return Buffer.concat([...this.parts, latin('.')]);
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function contiguousStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  // torch counts an empty axis as 1 here.
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = strides[axis + 1]! * Math.max(1, shape[axis + 1]!);
  return strides;
}

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
function pickleTensor(pickle: PickleWriter, tensor: SourceTensor, key: string, storage: string): void {
  const { shape } = tensor;
  pickle.global('torch._utils', '_rebuild_tensor_v2').raw('((').text('storage').global('torch', storage);
  pickle.text(key).text('cpu').integer(sizeOf(shape)).raw('tQ').integer(0);
  pickle.tuple(shape).tuple(contiguousStrides(shape)).raw('\x89').global('collections', 'OrderedDict').raw(')RtR');
}

function pickleStateDict(tensors: readonly SourceTensor[]): Uint8Array {
  const pickle = new PickleWriter().global('collections', 'OrderedDict').raw(')R(');
  for (const [index, tensor] of tensors.entries()) {
    const storage = STORAGES.get(tensor.dtype);
    if (!storage) throw new UserError(`${tensor.name}: element type ${tensor.dtype} cannot be written for PyTorch`);
    pickleTensor(pickle.text(tensor.name), tensor, String(index), storage);
  }
  return pickle.raw('u').bytes();
}

/**
 * Writes a state dict as `torch.save(OrderedDict(…))` does (zip, since PyTorch 1.6), one tensor at a time; `torch.load`
 * reads it, with `weights_only` too. Source: torch/serialization.py `_save`.
 *
 * @throws UserError for an element type that PyTorch lacks, or when the file cannot be written
 */
export async function writeTorchFile(file: string, tensors: readonly SourceTensor[]): Promise<void> {
  const pickle = pickleStateDict(tensors);
  await writeAtomically(file, async (handle) => {
    const zip = new ZipWriter(handle);
    await zip.add(`${FOLDER}/data.pkl`, pickle);
    for (const [index, tensor] of tensors.entries()) await zip.add(`${FOLDER}/data/${index}`, await tensor.read());
    await zip.add(`${FOLDER}/version`, latin('3\n'));
    await zip.finish();
  });
}
