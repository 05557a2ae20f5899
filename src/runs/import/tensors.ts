import { DTYPE_BYTES, type DType } from '../safetensors';

/** The numbers behind one or more tensors, by the key that the file gives them. */
export interface Storage {
  readonly key: string;
  /** What its class says; undefined for those that safetensors has no type for (complex, quantised). */
  readonly dtype: DType | undefined;
  /** Name of its class in torch. */
  readonly className: string;
  readonly bytes: number;
  /** Where a view of an old file begins in its storage, bytes. */
  readonly begin: number;
}

/** A tensor of a file: a view of a storage by strides. */
export class TorchTensor {
  constructor(
    readonly storage: Storage,
    readonly dtype: DType | undefined,
    /** Elements before the first. */
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}

  get size(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }
}

/** torch's element types by the name of their storage's class. */
export const STORAGE_DTYPES: Readonly<Record<string, DType | undefined>> = {
  DoubleStorage: 'F64',
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
  UntypedStorage: 'U8',
  ComplexDoubleStorage: undefined,
  ComplexFloatStorage: undefined,
  QInt8Storage: undefined,
  QUInt8Storage: undefined,
  QInt32Storage: undefined,
  QUInt4x2Storage: undefined,
  QUInt2x4Storage: undefined,
};

/** Bytes of an element of the types that can be skipped but not kept. */
export const OTHER_BYTES: Readonly<Record<string, number>> = {
  ComplexDoubleStorage: 16,
  ComplexFloatStorage: 8,
  QInt32Storage: 4,
};

/** torch's element types by name, as newer files give them for types without a storage class. */
export const NAMED_DTYPES: Readonly<Record<string, DType>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  float8_e4m3fn: 'F8_E4M3',
  float8_e5m2: 'F8_E5M2',
};

/** Where a tensor's elements lie in its storage, in elements: first, and one past the last. */
export function extent({ offset, shape, strides, size }: TorchTensor): { begin: number; end: number } {
  if (size === 0) return { begin: offset, end: offset };
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, offset);
  return { begin: offset, end: last + 1 };
}

export function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

const ELEMENTS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;

/**
 * Puts a strided tensor's elements in row-major order.
 *
 * @param span its storage's bytes from the first element to the last; aligned to the element
 */
export function gather(tensor: TorchTensor, dtype: DType, span: Uint8Array): Uint8Array {
  const { shape, strides, size } = tensor;
  const width = DTYPE_BYTES[dtype];
  const make = ELEMENTS[width] as Uint8ArrayConstructor;
  const source = new make(span.buffer as ArrayBuffer, span.byteOffset, span.byteLength / width);
  const target = new make(size);
  const index = shape.map(() => 0);
  for (let i = 0, from = 0; i < size; i++) {
    target[i] = source[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return new Uint8Array(target.buffer);
}
