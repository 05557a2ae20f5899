import type { ConfigPath } from './schemaTree';
import type { PretrainConfig } from './types';
import type { Problem } from './validate';

type Vec3 = readonly [number, number, number];

const AXES = ['x', 'y', 'z'] as const;

function error(path: ConfigPath, message: string, value?: unknown): Problem {
  const fix = value === undefined ? undefined : { title: `Change to ${JSON.stringify(value)}`, path, value };
  return { path, message, severity: 'error', ...(fix && { fix }) };
}

function warning(path: ConfigPath, message: string): Problem {
  return { path, message, severity: 'warning' };
}

function times(size: Vec3): string {
  return size.join('×');
}

function gridRules(config: PretrainConfig): Problem[] {
  const { grid, crop } = config.method;
  const { resize } = config.data.preprocess;
  const found: Problem[] = [];
  if (grid[0] * grid[1] * grid[2] < 2) {
    found.push(
      error(['method', 'grid'], 'one base crop leaves nothing to contrast: use at least 2, such as [4, 4, 1]'),
    );
  }
  if (!resize) {
    const least = grid.map((n, axis) => n * crop[axis]!) as unknown as Vec3;
    const message = `volumes are not resized, so each must have at least ${times(least)} voxels (grid × crop)`;
    return [...found, warning(['data', 'preprocess', 'resize'], message)];
  }
  const needed = grid.map((n, axis) => n * crop[axis]!);
  const tooLarge = AXES.filter((_, axis) => needed[axis]! > resize[axis]!);
  if (tooLarge.length) {
    const fitting = grid.map((n, axis) => Math.min(crop[axis]!, Math.floor(resize[axis]! / n)));
    const message =
      `${times(grid)} crops of ${times(crop)} need ${needed.join('×')} voxels, more than the volume's ${times(resize)} ` +
      `along ${tooLarge.join(', ')}`;
    found.push(error(['method', 'crop'], message, Math.min(...fitting) >= 4 ? fitting : undefined));
  }
  AXES.forEach((axis, i) => {
    const unused = resize[i]! - needed[i]!;
    if (unused <= 0) return;
    found.push(
      warning(['method', 'grid'], `no base crop covers the last ${unused} of ${resize[i]!} voxels along ${axis}`),
    );
  });
  return found;
}

function inputRules(config: PretrainConfig): Problem[] {
  const { input, crop } = config.method;
  const { name } = config.network;
  const stride = name === 'swin-unetr' ? 32 : 16;
  const path = ['method', 'input'];
  const rounded = input.map((n) => Math.max(stride, Math.round(n / stride) * stride));
  if (input.some((n) => n % stride !== 0)) {
    return [
      error(
        path,
        `every axis must be a multiple of ${stride} for ${name}, is ${times(input)}`,
        enlarge(rounded, stride),
      ),
    ];
  }
  if (input.every((n) => n === stride)) {
    const message = `${times(input)} leaves a single voxel at the deepest stage, which normalisation cannot work on`;
    return [error(path, message, enlarge(rounded, stride))];
  }
  const enlarged = AXES.filter((_, axis) => input[axis]! > crop[axis]!);
  if (!enlarged.length) return [];
  return [warning(path, `crops of ${times(crop)} are enlarged to ${times(input)}: more work without more detail`)];
}

function enlarge(size: number[], stride: number): number[] {
  return size.every((n) => n === stride) ? size.map(() => 2 * stride) : size;
}

function networkRules(config: PretrainConfig): Problem[] {
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

function dataRules(config: PretrainConfig): Problem[] {
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

function trainingRules(config: PretrainConfig): Problem[] {
  const { schedule, optimizer, train, method, precision, device } = config;
  const found: Problem[] = [];
  if (schedule.name === 'warmup-cosine' && schedule.warmupSteps >= train.steps) {
    const message = `warm-up takes ${schedule.warmupSteps} steps, the whole run only ${train.steps}: the rate never reaches lr`;
    found.push(warning(['schedule', 'warmupSteps'], message));
  }
  if (schedule.minLr > optimizer.lr) {
    found.push(error(['schedule', 'minLr'], `${schedule.minLr} is above optimizer.lr, ${optimizer.lr}`, 0));
  }
  if (method.objective === 'tpami' && train.batch === 1) {
    found.push(warning(['train', 'batch'], 'with one volume a step, objective tpami has no contrast between volumes'));
  }
  if (precision === 'bf16' && (device === 'wasm' || device === 'cpu')) {
    found.push(error(['precision'], `device ${device} has no bf16: use "float32" or device "onednn"`, 'float32'));
  }
  return found;
}

/** What a schema cannot say: keys of a complete config that contradict each other. */
export function rules(config: PretrainConfig): Problem[] {
  return [gridRules, inputRules, networkRules, dataRules, trainingRules].flatMap((rule) => rule(config));
}
