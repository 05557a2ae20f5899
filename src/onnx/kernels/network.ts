/** Our own kernels (src/tensor/ops/kernels.ts). */
import type { Vec3 } from '../../geometry';
import type { ConvAttrs } from '../../tensor/ops/kernels';
import type { Call, LoweringTable } from '../lowering';
import type { Attribute } from '../graph';
import { Value, type Recording } from '../recording';
import { windowAttention } from './attention';
import { binary } from './basic';
import { tokenAttention } from './tokenAttention';
import { formatSize } from '../../text';

function convAttributes({ stride, padding }: ConvAttrs, kernel: readonly number[]): Record<string, Attribute> {
  return {
    kernel_shape: { ints: kernel },
    strides: { ints: stride },
    pads: { ints: [...padding, ...padding] },
  };
}

const spatial = ({ shape }: Value): Vec3 => [shape[1]!, shape[2]!, shape[3]!];

function conv3d({ recording, inputs, attrs }: Call<'VocoConv3D'>): Value {
  const { x } = inputs;
  const filter = recording.filter(inputs.filter);
  const [outputs, , ...kernel] = filter.shape;
  const bias = inputs.bias ? [recording.last(inputs.bias)] : [];
  const names = [recording.first(x), filter.name, ...bias];
  const at = recording.moduleOf(inputs.filter);
  const name = recording.graph.node('Conv', names, convAttributes(attrs, kernel), at);
  const size = spatial(x).map((length, axis) => {
    const room = length + 2 * attrs.padding[axis]! - kernel[axis]!;
    return Math.floor(room / attrs.stride[axis]!) + 1;
  });
  return recording.made([x.shape[0]!, ...size, outputs!], 'first', name);
}

/** As the forward pass of a transposed convolution. */
function convTranspose3d({ recording, inputs, attrs }: Call<'VocoConv3DBackpropInput'>): Value {
  const { dy } = inputs;
  const filter = recording.filter(inputs.filter);
  const kernel = filter.shape.slice(2);
  const least = spatial(dy).map(
    (length, axis) => (length - 1) * attrs.stride[axis]! + kernel[axis]! - 2 * attrs.padding[axis]!,
  );
  const more = least.map((length, axis) => attrs.inputShape[axis + 1]! - length);
  if (more.some((voxels, axis) => voxels < 0 || voxels >= attrs.stride[axis]!))
    throw new Error(`a transposed convolution to ${formatSize(attrs.inputShape)} has no form in ONNX`);
  const names = [recording.first(dy), filter.name];
  const at = recording.moduleOf(inputs.filter);
  const attributes = { ...convAttributes(attrs, kernel), output_padding: { ints: more } };
  const name = recording.graph.node('ConvTranspose', names, attributes, at);
  return recording.made(attrs.inputShape, 'first', name);
}

/** The weight stays as torch has it, [out, in]; runtimes turn it once, when they load the model. */
function linear({ recording, inputs }: Call<'VocoLinear'>): Value {
  const { graph } = recording;
  const { x, weight } = inputs;
  const at = recording.moduleOf(weight);
  const turned = graph.node('Transpose', [recording.last(weight)], { perm: { ints: [1, 0] } }, at);
  const product = graph.node('MatMul', [recording.last(x), turned], {}, at);
  const name = inputs.bias ? graph.node('Add', [product, recording.last(inputs.bias)], {}, at) : product;
  return recording.made([...x.shape.slice(0, -1), weight.shape[0]!], 'last', name);
}

/** Statistics, which only gradients need. */
const statistics = (): [Value, Value] => [new Value([]), new Value([])];

function layerNorm({ recording, inputs, attrs }: Call<'VocoLayerNorm'>): [Value, Value, Value] {
  const { x } = inputs;
  const scale = inputs.gamma ? recording.last(inputs.gamma) : recording.graph.filled(x.shape.at(-1)!, 1);
  const names = [recording.last(x), scale, ...(inputs.beta ? [recording.last(inputs.beta)] : [])];
  const attributes = { axis: { int: -1 }, epsilon: { float: attrs.eps } };
  const at = recording.moduleOf(inputs.gamma);
  const name = recording.graph.node('LayerNormalization', names, attributes, at);
  return [recording.made(x.shape, 'last', name), ...statistics()];
}

function leakyRelu(recording: Recording, input: string, slope: number): string {
  return recording.graph.node('LeakyRelu', [input], { alpha: { float: slope } });
}

function instanceNorm({ recording, inputs: { x }, attrs }: Call<'VocoInstanceNorm'>): [Value, Value, Value] {
  const { graph } = recording;
  const channels = x.shape[4]!;
  const { eps, slope } = attrs;
  const names = [recording.first(x), graph.filled(channels, 1), graph.filled(channels, 0)];
  const normal = graph.node('InstanceNormalization', names, { epsilon: { float: eps } });
  const name = slope === 1 ? normal : leakyRelu(recording, normal, slope);
  return [recording.made(x.shape, 'first', name), ...statistics()];
}

/** Statistics over groups of channels: ONNX's instance norm of a tensor in which each group is one channel. */
function grouped(recording: Recording, x: Value, groups: number, eps: number): string {
  const { graph } = recording;
  const [batch, d, h, w, channels] = x.shape as [number, number, number, number, number];
  const view = recording.reshape(recording.first(x), [batch, groups, (channels / groups) * d * h * w]);
  const names = [view, graph.filled(groups, 1), graph.filled(groups, 0)];
  const normal = graph.node('InstanceNormalization', names, { epsilon: { float: eps } });
  return recording.reshape(normal, [batch, channels, d, h, w]);
}

function groupNorm({ recording, inputs, attrs }: Call<'VocoGroupNorm'>): [Value, Value, Value] {
  const { graph } = recording;
  const { x, gamma, beta, residual, visible } = inputs;
  if (visible) throw new Error('a norm over visible voxels is part of pre-training alone');
  const { groups, eps, slope } = attrs;
  const channels = x.shape[4]!;
  const at = recording.moduleOf(gamma);
  const filled = (value: Value | undefined, otherwise: number): string =>
    value ? recording.last(value) : graph.filled(channels, otherwise);
  let name: string;
  if (groups === channels) {
    const names = [recording.first(x), filled(gamma, 1), filled(beta, 0)];
    name = graph.node('InstanceNormalization', names, { epsilon: { float: eps } }, at);
  } else {
    const column = (value: Value): string => recording.reshape(recording.last(value), [channels, 1, 1, 1]);
    name = grouped(recording, x, groups, eps);
    if (gamma) name = graph.node('Mul', [name, column(gamma)], {}, at);
    if (beta) name = graph.node('Add', [name, column(beta)], {}, at);
  }
  if (residual) name = graph.node('Add', [name, recording.first(residual)], {}, at);
  return [recording.made(x.shape, 'first', activated(recording, name, slope)), ...statistics()];
}

function averagePool({ recording, inputs: { x }, attrs: { window } }: Call<'VocoAveragePool'>): Value {
  const attributes = { kernel_shape: { ints: window }, strides: { ints: window } };
  const name = recording.graph.node('AveragePool', [recording.first(x)], attributes);
  const size = spatial(x).map((length, axis) => length / window[axis]!);
  return recording.made([x.shape[0]!, ...size, x.shape[4]!], 'first', name);
}

/** A batch norm in evaluation mode. */
function channelNorm({ recording, inputs, attrs }: Call<'VocoChannelNorm'>): Value {
  const { x, mean, variance, gamma, beta } = inputs;
  const names = [recording.first(x), ...[gamma, beta, mean, variance].map((value) => recording.last(value))];
  const at = recording.moduleOf(gamma);
  const normal = recording.graph.node('BatchNormalization', names, { epsilon: { float: attrs.eps } }, at);
  return recording.made(x.shape, 'first', activated(recording, normal, attrs.slope));
}

function activated(recording: Recording, name: string, slope: number): string {
  if (slope === 1) return name;
  return slope === 0 ? recording.graph.node('Relu', [name]) : leakyRelu(recording, name, slope);
}

function upsample({ recording, inputs: { x } }: Call<'VocoUpsample'>): Value {
  const scales = recording.graph.floats([1, 1, 2, 2, 2]);
  const attributes = { mode: { text: 'linear' }, coordinate_transformation_mode: { text: 'half_pixel' } };
  const name = recording.graph.node('Resize', [recording.first(x), '', scales], attributes);
  const [n, d, h, w, c] = x.shape as [number, number, number, number, number];
  return recording.made([n, 2 * d, 2 * h, 2 * w, c], 'first', name);
}

/** x · (1 + erf(x / √2)) / 2, in the order that runtimes recognise and compute as one. */
function gelu({ recording, inputs: { x } }: Call<'VocoGelu'>): Value {
  const { graph } = recording;
  const name = recording.last(x);
  const scaled = graph.node('Div', [name, graph.scalar(Math.SQRT2)]);
  const shifted = graph.node('Add', [graph.node('Erf', [scaled]), graph.scalar(1)]);
  const product = graph.node('Mul', [name, shifted]);
  return recording.made(x.shape, 'last', graph.node('Mul', [product, graph.scalar(0.5)]));
}

const add = binary('Add');

function addLeakyRelu(call: Call<'VocoAddLeakyRelu'>): Value {
  const sum = add(call);
  const layout = sum.first === undefined ? 'last' : 'first';
  const name = leakyRelu(call.recording, sum[layout]!, call.attrs.slope);
  return call.recording.made(sum.shape, layout, name);
}

/** There, so that operations take the kernel and not their composition; never called. */
const noGradient = (): never => {
  throw new Error('a gradient cannot be exported');
};

export const networkKernels: LoweringTable = {
  VocoConv3D: conv3d,
  VocoConv3DBackpropInput: convTranspose3d,
  VocoLinear: linear,
  VocoLayerNorm: layerNorm,
  VocoLayerNormGrad: noGradient,
  VocoInstanceNorm: instanceNorm,
  VocoInstanceNormGrad: noGradient,
  VocoGroupNorm: groupNorm,
  VocoGroupNormGrad: noGradient,
  VocoAveragePool: averagePool,
  VocoAveragePoolGrad: noGradient,
  VocoChannelNorm: channelNorm,
  VocoUpsample: upsample,
  VocoUpsampleGrad: noGradient,
  VocoGelu: gelu,
  VocoGeluGrad: noGradient,
  VocoAddLeakyRelu: addLeakyRelu,
  VocoAddLeakyReluGrad: noGradient,
  VocoWindowAttention: windowAttention,
  VocoWindowAttentionGrad: noGradient,
  VocoTokenAttention: tokenAttention,
  VocoTokenAttentionGrad: noGradient,
};
