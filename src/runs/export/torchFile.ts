import { UserError } from '../../errors/userError';
import { writeAtomically } from '../../files/atomic';
import { elementCount } from '../../geometry';
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

/** What a file of `torch.save` is made of: plain values, and tensors by their names. */
export type TorchValue =
  null | boolean | number | string | readonly TorchValue[] | { readonly [key: string]: TorchValue } | TorchStateDict;

/** Tensors by name, in order. A tensor that has several names is written once, and they share it. */
export class TorchStateDict {
  constructor(readonly entries: readonly { readonly name: string; readonly tensor: SourceTensor }[]) {}
}

/** Writes the few pickle operations (protocol 2) that state dicts and plain values need. */
class PickleWriter {
  private readonly parts: Buffer[] = [latin('\x80\x02')];
  /** The tensors that are referred to, in the order of their storages. */
  readonly tensors: SourceTensor[] = [];
  private readonly keys = new Map<SourceTensor, string>();

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

  integer(value: number): this {
    const bytes = Buffer.alloc(10);
    bytes[0] = 0x8a;
    bytes[1] = 8;
    bytes.writeBigInt64LE(BigInt(value), 2);
    this.parts.push(bytes);
    return this;
  }

  private float(value: number): this {
    const bytes = Buffer.alloc(9, 'G');
    bytes.writeDoubleBE(value, 1);
    this.parts.push(bytes);
    return this;
  }

  private tuple(values: readonly number[]): this {
    this.raw('(');
    for (const value of values) this.integer(value);
    return this.raw('t');
  }

  value(value: TorchValue): this {
    if (value === null) return this.raw('N');
    if (typeof value === 'boolean') return this.raw(value ? '\x88' : '\x89');
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return Number.isSafeInteger(value) ? this.integer(value) : this.float(value);
    if (value instanceof TorchStateDict) return this.stateDict(value);
    if (Array.isArray(value)) {
      this.raw('](');
      for (const one of value as readonly TorchValue[]) this.value(one);
      return this.raw('e');
    }
    this.raw('}(');
    for (const [key, one] of Object.entries(value as Readonly<Record<string, TorchValue>>)) this.text(key).value(one);
    return this.raw('u');
  }

  private stateDict({ entries }: TorchStateDict): this {
    this.global('collections', 'OrderedDict').raw(')R(');
    for (const { name, tensor } of entries) this.text(name).tensor(tensor);
    return this.raw('u');
  }

  /** `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
  private tensor(tensor: SourceTensor): this {
    const { shape, dtype, name } = tensor;
    const storage = STORAGES.get(dtype);
    if (!storage) throw new UserError(`${name}: element type ${dtype} cannot be written for PyTorch`);
    const key = this.keys.get(tensor) ?? String(this.tensors.length);
    if (!this.keys.has(tensor)) this.tensors.push(tensor);
    this.keys.set(tensor, key);
    this.global('torch._utils', '_rebuild_tensor_v2').raw('((').text('storage').global('torch', storage);
    this.text(key).text('cpu').integer(elementCount(shape)).raw('tQ').integer(0);
    return this.tuple(shape)
      .tuple(contiguousStrides(shape))
      .raw('\x89')
      .global('collections', 'OrderedDict')
      .raw(')RtR');
  }

  bytes(): Uint8Array {
    return Buffer.concat([...this.parts, latin('.')]);
  }
}

function contiguousStrides(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  // torch counts an empty axis as 1 here.
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = strides[axis + 1]! * Math.max(1, shape[axis + 1]!);
  return strides;
}

/**
 * Writes a value as `torch.save` does (zip, since PyTorch 1.6), one tensor at a time; `torch.load` reads it, with `weights_only`
 * too. Source: torch/serialization.py `_save`.
 *
 * @throws UserError for an element type that PyTorch lacks, or when the file cannot be written
 */
export async function writeTorchFile(file: string, value: TorchValue): Promise<void> {
  const pickle = new PickleWriter().value(value);
  await writeAtomically(file, async (handle) => {
    const zip = new ZipWriter(handle);
    await zip.add(`${FOLDER}/data.pkl`, pickle.bytes());
    for (const [index, tensor] of pickle.tensors.entries())
      await zip.add(`${FOLDER}/data/${index}`, await tensor.read());
    await zip.add(`${FOLDER}/version`, latin('3\n'));
    await zip.finish();
  });
}

/** Tensors under their own names. */
export const stateDictOf = (tensors: readonly SourceTensor[]): TorchStateDict =>
  new TorchStateDict(tensors.map((tensor) => ({ name: tensor.name, tensor })));
