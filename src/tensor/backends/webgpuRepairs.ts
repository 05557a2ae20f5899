/**
 * tfjs-backend-webgpu 4.22 makes invalid shaders for some operations on tensors of more than four axes. Here they are given
 * shapes that it handles, so that code above need not know.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { replaceKernel, type KernelFn } from '../ops/kernelTable';
import type { BinaryName } from '../ops/tfjsKernels';

interface Backend {
  disposeData(id: TensorInfo['dataId']): boolean;
}

const LARGEST_RANK = 4;
const BACKEND = 'webgpu';
const BINARY: readonly BinaryName[] = [
  'Add', 'Sub', 'Multiply', 'RealDiv', 'FloorDiv', 'Maximum', 'Minimum', 'Mod', 'Pow', 'SquaredDifference', 'Equal', 'NotEqual',
  'Greater', 'GreaterEqual', 'Less', 'LessEqual', 'LogicalAnd',
]; // prettier-ignore

let done = false;

/** Replaces the kernels concerned, once. tfjs-backend-webgpu must be loaded. */
export function repairWebGpuKernels(): void {
  if (done) return;
  done = true;
  replaceKernel<'PadV2', Backend>('PadV2', BACKEND, padAxisByAxis);
  for (const name of BINARY) replaceKernel<BinaryName, Backend>(name, BACKEND, broadcastSameRank);
}

/** The shader for a vector beside a larger tensor is invalid beyond rank 4; that for tensors of one rank is not. */
function broadcastSameRank(original: KernelFn<BinaryName, Backend>): KernelFn<BinaryName, Backend> {
  return ({ inputs: { a, b }, ...rest }) => {
    const rank = Math.max(a.shape.length, b.shape.length);
    const widen = (t: TensorInfo): TensorInfo => ({
      ...t,
      shape: [...new Array<number>(rank - t.shape.length).fill(1), ...t.shape],
    });
    const isVector = a.shape.length === 1 || b.shape.length === 1;
    const inputs = rank > LARGEST_RANK && isVector ? { a: widen(a), b: widen(b) } : { a, b };
    return original({ inputs, ...rest });
  };
}

const product = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

/** Pads larger tensors one axis after the other, each seen as [outer, axis, inner]. The gradient of slice pads, too. */
function padAxisByAxis(original: KernelFn<'PadV2', Backend>): KernelFn<'PadV2', Backend> {
  return (options) => {
    const { inputs, attrs, backend } = options;
    const { x } = inputs;
    if (x.shape.length <= LARGEST_RANK) return original(options);
    const shape = [...x.shape];
    let current = x;
    const axes = attrs.paddings.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
    // With nothing to pad, one pass still makes the copy that the caller owns.
    for (const axis of axes.length > 0 ? axes : [0]) {
      const view = [product(shape.slice(0, axis)), shape[axis]!, product(shape.slice(axis + 1))];
      const paddings: [number, number][] = [[0, 0], attrs.paddings[axis]!, [0, 0]];
      const next = original({
        inputs: { x: { ...current, shape: view } },
        attrs: { paddings, constantValue: attrs.constantValue },
        backend,
      });
      if (current !== x) backend.disposeData(current.dataId);
      shape[axis] = next.shape[1]!;
      current = next;
    }
    return { dataId: current.dataId, dtype: current.dtype, shape };
  };
}
