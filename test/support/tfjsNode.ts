/** A stand-in for tfjs-node-gpu's backend: its name and its kernels, computed by tfjs's cpu backend. */
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { useDevice } from '../../src/tensor/backends';
import * as tf from '../../src/tensor/tf';

export const STAND_IN = 'tensorflow';

/** The kernels of tfjs-node 4.22 that tfjs's cpu backend has too, but for those of images and sparse tensors. */
const TFJS_NODE = (
  'Abs Acos Acosh Add AddN All Any ArgMax ArgMin Asin Asinh Atan Atan2 Atanh AvgPool AvgPool3D AvgPool3DGrad BatchMatMul ' +
  'Bincount Cast Ceil ClipByValue Complex Concat Conv2D Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 Cos Cosh Cumsum ' +
  'Einsum Elu Equal Erf Exp ExpandDims Expm1 Fill Floor FloorDiv GatherNd GatherV2 Greater GreaterEqual Identity IsFinite ' +
  'IsInf IsNan LeakyRelu Less LessEqual LinSpace Log Log1p LogicalAnd LogicalNot LogicalOr Max MaxPool3D MaxPool3DGrad ' +
  'Maximum Mean Min Minimum MirrorPad Mod Multinomial Multiply Neg NotEqual OneHot OnesLike Pack PadV2 Pow Prelu Prod Range ' +
  'RealDiv Reciprocal Relu Relu6 Reshape Reverse Round Rsqrt ScatterNd Select Selu Sigmoid Sign Sin Sinh Slice Softmax ' +
  'Softplus SplitV Sqrt Square SquaredDifference Step StridedSlice Sub Sum Tan Tanh Tile TopK Transpose Unique Unpack ' +
  'UnsortedSegmentSum ZerosLike _FusedMatMul'
).split(' ');

export async function registerStandIn(): Promise<void> {
  await useDevice('cpu');
  for (const kernelName of TFJS_NODE) {
    const kernel = tf.getKernel(kernelName, 'cpu');
    if (kernel && !tf.getKernel(kernelName, STAND_IN)) tf.registerKernel({ ...kernel, backendName: STAND_IN });
  }
  tf.registerBackend(STAND_IN, () => new MathBackendCPU(), -1);
}
