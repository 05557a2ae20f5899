import type { Vec3 } from '../../geometry';
import type { ConfigPath } from '../../schema';
import type { Config, NetworkConfig } from '../types';
import { error, warning, type Problem } from '../../schema';

export function times(size: Vec3): string {
  return size.join('×');
}

function enlarge(size: number[], stride: number): number[] {
  return size.every((n) => n === stride) ? size.map(() => 2 * stride) : size;
}

/** A size of crops that the network cannot take. */
export function sizeRules(path: ConfigPath, size: Vec3, name: NetworkConfig['name']): Problem[] {
  const stride = name === 'swin-unetr' ? 32 : 16;
  const rounded = size.map((n) => Math.max(stride, Math.round(n / stride) * stride));
  if (size.some((n) => n % stride !== 0)) {
    const message = `every axis must be a multiple of ${stride} for ${name}, is ${times(size)}`;
    return [error(path, message, enlarge(rounded, stride))];
  }
  if (size.every((n) => n === stride)) {
    const message = `${times(size)} leaves a single voxel at the deepest stage, which normalisation cannot work on`;
    return [error(path, message, enlarge(rounded, stride))];
  }
  return [];
}

export function networkRules(config: Config): Problem[] {
  const { name, featureSize, heads, inChannels } = config.network;
  const found: Problem[] = [];
  if (name === 'swin-unetr') {
    if (featureSize % 12 !== 0) {
      const nearest = Math.max(12, Math.round(featureSize / 12) * 12);
      found.push(
        error(['network', 'featureSize'], `must be a multiple of 12 for swin-unetr, is ${featureSize}`, nearest),
      );
    }
    heads.forEach((n, stage) => {
      const channels = featureSize * 2 ** stage;
      if (channels % n === 0) return;
      const message = `${n} heads do not divide the ${channels} channels of stage ${stage + 1} (featureSize ${featureSize})`;
      found.push(error(['network', 'heads', stage], message));
    });
  }
  if (typeof config.data.channel === 'number' && inChannels !== 1) {
    const message = `one channel is taken from each image (data.channel ${config.data.channel}), but the network wants ${inChannels}`;
    found.push(error(['network', 'inChannels'], message, 1));
  }
  return found;
}

export function dataRules(config: Config): Problem[] {
  const { preprocess, validation, validationFraction } = config.data;
  const { intensity, foreground } = preprocess;
  const at = ['data', 'preprocess'];
  const found: Problem[] = [];
  if (intensity?.kind === 'window') {
    if (intensity.low >= intensity.high) {
      const message = `the window must end above its start: low is ${intensity.low}, high is ${intensity.high}`;
      found.push(error([...at, 'intensity', 'high'], message));
    }
    if (intensity.to[0] >= intensity.to[1]) {
      found.push(error([...at, 'intensity', 'to'], `must rise, is ${JSON.stringify(intensity.to)}`, [0, 1]));
    } else if (intensity.clip && foreground && foreground.threshold >= intensity.to[1]) {
      const message = `no voxel is above ${foreground.threshold}: intensities end at ${intensity.to[1]}`;
      found.push(error([...at, 'foreground', 'threshold'], message));
    }
  }
  if (validation.length > 0 && validationFraction > 0) {
    found.push(warning(['data', 'validationFraction'], 'unused, since data.validation names volumes'));
  }
  return found;
}

/** The one device that knows a precision other than float32. */
const PRECISE_DEVICE = { bf16: 'onednn', float16: 'webgpu' } as const;

export function precisionRules({ precision, device }: Config): Problem[] {
  if (precision === 'float32' || device === 'auto') return [];
  const wanted = PRECISE_DEVICE[precision];
  if (device === wanted || device.startsWith(`${wanted}:`)) return [];
  return [error(['precision'], `device ${device} has no ${precision}: use "float32" or device "${wanted}"`, 'float32')];
}
