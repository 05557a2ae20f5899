import type * as tf from '../tf';
import type { NoAttrs, Signature } from './kernels';

/** Elementwise kernels of one tensor that have no attributes. */
type UnaryTypes<T> = Record<
  | 'Abs' | 'Erf' | 'Exp' | 'Identity' | 'Log' | 'Log1p' | 'Neg' | 'OnesLike' | 'Reciprocal' | 'Relu' | 'Rsqrt'
  | 'Sigmoid' | 'Sqrt' | 'Square' | 'Tanh' | 'ZerosLike',
  Signature<{ x: T }, NoAttrs, T>
>; // prettier-ignore

/** Elementwise kernels of two tensors, which are broadcast. */
export type BinaryName =
  | 'Add' | 'Equal' | 'FloorDiv' | 'Greater' | 'GreaterEqual' | 'Less' | 'LessEqual' | 'LogicalAnd' | 'Maximum' | 'Minimum'
  | 'Mod' | 'Multiply' | 'NotEqual' | 'Pow' | 'RealDiv' | 'SquaredDifference' | 'Sub'; // prettier-ignore
type BinaryTypes<T> = Record<BinaryName, Signature<{ a: T; b: T }, NoAttrs, T>>;

/** Kernels of tfjs that we call or that our backends implement: see `kernels.ts`. */
export interface TfjsKernelTypes<T> extends UnaryTypes<T>, BinaryTypes<T> {
  AddN: Signature<readonly T[], NoAttrs, T>;
  BatchMatMul: Signature<{ a: T; b: T }, tf.BatchMatMulAttrs, T>;
  Cast: Signature<{ x: T }, tf.CastAttrs, T>;
  Concat: Signature<readonly T[], tf.ConcatAttrs, T>;
  Conv3D: Signature<{ x: T; filter: T }, tf.Conv3DAttrs, T>;
  Conv3DBackpropFilterV2: Signature<{ x: T; dy: T }, tf.Conv3DBackpropFilterV2Attrs, T>;
  Conv3DBackpropInputV2: Signature<{ dy: T; filter: T }, tf.Conv3DBackpropInputV2Attrs, T>;
  Fill: Signature<NoInputs, tf.FillAttrs, T>;
  GatherV2: Signature<{ x: T; indices: T }, tf.GatherV2Attrs, T>;
  LeakyRelu: Signature<{ x: T }, tf.LeakyReluAttrs, T>;
  LogSoftmax: Signature<{ logits: T }, tf.LogSoftmaxAttrs, T>;
  Max: Signature<{ x: T }, tf.MaxAttrs, T>;
  Mean: Signature<{ x: T }, tf.MeanAttrs, T>;
  Min: Signature<{ x: T }, tf.MinAttrs, T>;
  PadV2: Signature<{ x: T }, tf.PadV2Attrs, T>;
  Reshape: Signature<{ x: T }, tf.ReshapeAttrs, T>;
  Reverse: Signature<{ x: T }, tf.ReverseAttrs, T>;
  Slice: Signature<{ x: T }, tf.SliceAttrs, T>;
  Softmax: Signature<{ logits: T }, tf.SoftmaxAttrs, T>;
  SplitV: Signature<{ x: T }, tf.SplitVAttrs, T[]>;
  Step: Signature<{ x: T }, tf.StepAttrs, T>;
  StridedSlice: Signature<{ x: T }, tf.StridedSliceAttrs, T>;
  Sum: Signature<{ x: T }, tf.SumAttrs, T>;
  Tile: Signature<{ x: T }, tf.TileAttrs, T>;
  Transpose: Signature<{ x: T }, tf.TransposeAttrs, T>;
  _FusedMatMul: Signature<{ a: T; b: T; bias?: T }, tf._FusedMatMulAttrs, T>;
}

type NoInputs = Record<never, never>;
