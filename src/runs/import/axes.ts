import { elementCount, type Vec3 } from '../../geometry';
import type { NetworkDescriptor, NetworkSection, Rows, Turning } from '../../nets/descriptor';
import { DTYPE_BYTES, type DType } from '../safetensors';
import type { SourceTensor } from './source';

/** Dimensions of a kernel for volumes in PyTorch: two of channels in front of the three of space. */
const KERNEL_RANK = 5;

/** Whether the order of axes says anything of a tensor: it is a kernel for volumes, of more than one voxel. */
export const isKernel = ({ shape }: Pick<SourceTensor, 'shape'>): boolean =>
  shape.length === KERNEL_RANK && shape.slice(2).some((size) => size !== 1);

const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;

/** Elements as whole numbers of their width; copied where they do not start at a multiple of it. */
function elementsOf(bytes: Uint8Array, width: keyof typeof ARRAYS) {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  return new ARRAYS[width](buffer as ArrayBuffer, byteOffset, byteLength / width);
}

/** For each tap of a kernel along our axes, its place in the kernel of the file. */
function tapsOf(shape: readonly number[], axes: Vec3): number[] {
  const space = shape.slice(2);
  const strides = [space[1]! * space[2]!, space[2]!, 1];
  const [x, y, z] = axes.map((axis) => ({ size: space[axis]!, stride: strides[axis]! }));
  const taps: number[] = [];
  for (let i = 0; i < x!.size; i++)
    for (let j = 0; j < y!.size; j++)
      for (let k = 0; k < z!.size; k++) taps.push(i * x!.stride + j * y!.stride + k * z!.stride);
  return taps;
}

/**
 * The numbers of kernels (a, b, k0, k1, k2) with their axes of space in another order.
 *
 * @param axes which axis of the given kernels each of the new ones is
 */
export function turnKernels(bytes: Uint8Array, dtype: DType, shape: readonly number[], axes: Vec3): Uint8Array {
  const width = DTYPE_BYTES[dtype];
  const taps = tapsOf(shape, axes);
  const from = elementsOf(bytes, width);
  const to = new ARRAYS[width](from.length);
  const count = elementCount(shape.slice(0, 2));
  for (let kernel = 0, at = 0; kernel < count; kernel++, at += taps.length)
    for (let tap = 0; tap < taps.length; tap++) to[at + tap] = from[at + taps[tap]!]!;
  return new Uint8Array(to.buffer);
}

/** A tensor with the axes of its kernels in our order; the tensor itself where it is no kernel, or of one voxel. */
export function turned<Tensor extends SourceTensor>(tensor: Tensor, axes: Vec3): Tensor {
  if (!isKernel(tensor)) return tensor;
  const { shape, dtype, read } = tensor;
  return {
    ...tensor,
    shape: [...shape.slice(0, 2), ...axes.map((axis) => shape[axis + 2]!)],
    read: async () => turnKernels(await read(), dtype, shape, axes),
  };
}

/** The numbers of a tensor with its rows along a dimension in another order. */
function gatherRows(
  bytes: Uint8Array,
  shape: readonly number[],
  width: number,
  { dimension, order }: Rows,
): Uint8Array {
  const row = elementCount(shape.slice(dimension + 1)) * width;
  const outer = elementCount(shape.slice(0, dimension));
  const to = new Uint8Array(bytes.byteLength);
  for (let block = 0, at = 0; block < outer; block++)
    for (const from of order) {
      const start = (block * shape[dimension]! + from) * row;
      to.set(bytes.subarray(start, start + row), at);
      at += row;
    }
  return to;
}

/** A tensor with its rows in another order. */
export function withRows<Tensor extends SourceTensor>(tensor: Tensor, rows: Rows): Tensor {
  const { shape, dtype, read } = tensor;
  return { ...tensor, read: async () => gatherRows(await read(), shape, DTYPE_BYTES[dtype], rows) };
}

/** A tensor of a network with the axes of space in another order: of its kernels, and of what else follows them. */
export function turnedTensor<Tensor extends SourceTensor>(
  tensor: Tensor,
  { stateDict }: Pick<NetworkDescriptor, 'stateDict'>,
  how: Turning<NetworkSection>,
): Tensor {
  const rows = stateDict.turn?.(tensor, how);
  return rows ? withRows(tensor, rows) : turned(tensor, how.axes);
}

/** The order that undoes another. */
export const inverse = (axes: Vec3): Vec3 => [0, 1, 2].map((axis) => axes.indexOf(axis)) as unknown as Vec3;

const NAMES = ['x', 'y', 'z'];

/** "z, y, x": the axes of a file's arrays. */
export const axesText = (axes: Vec3): string =>
  inverse(axes)
    .map((axis) => NAMES[axis])
    .join(', ');
