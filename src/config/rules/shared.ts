import { networkDescriptors } from '../../nets/descriptors';
import type { NetworkInput } from '../../tasks/descriptor';
import type { Config, NetworkConfig } from '../types';
import { finetuneScheduleSchema } from '../schema/finetune';
import { optimizerSchema, scheduleSchema } from '../schema/training';
import { formatSize, listOf } from '../../text';
import { error, formatPath, idleBecause, warning, type Problem, type SchemaNode } from '../../schema';

/** A size of crops that the network cannot take. */
export function sizeRules({ path, size, derived }: NetworkInput, network: NetworkConfig): Problem[] {
  const problem = networkDescriptors.get(network.name).sizeProblem(network, size);
  if (!problem) return [];
  const { key } = problem;
  const found = `${problem.message}, is ${formatSize(size)}`;
  if (key) {
    const what = derived ? `the ${derived.what} of ${formatPath(path)} are` : `${formatPath(path)} is`;
    return [error(['network', ...key.path], `${problem.message}, but ${what} ${formatSize(size)}`, key.value)];
  }
  if (!derived) return [error(path, found, problem.nearest)];
  return [error(path, `of its ${derived.what}, ${found}`, derived.keyFor(problem.nearest))];
}

/** A problem of a section as one of the whole config. */
function within(key: string, problem: Problem): Problem {
  const { fix } = problem;
  const moved = fix && 'path' in fix ? { ...fix, path: [key, ...fix.path] } : fix;
  return { ...problem, path: [key, ...problem.path], ...(moved && { fix: moved }) };
}

export function networkRules(config: Config): Problem[] {
  const { name, inChannels } = config.network;
  const own = networkDescriptors.get(name).rules(config.network);
  const found = own.map((problem) => within('network', problem));
  const { channel } = config.data;
  if (channel !== 'all' && inChannels !== 1) {
    const taken = channel === 'random' ? 'each crop shows one channel' : 'one channel is taken from each image';
    const message = `${taken} (data.channel ${JSON.stringify(channel)}), but the network wants ${inChannels}`;
    found.push(error(['network', 'inChannels'], message, 1));
  }
  return found;
}

/** Keys about several channels where there is one. */
export function channelRules({ data, ...config }: Config): Problem[] {
  const found: Problem[] = [];
  if (data.missingChannels === 'zero' && data.channel !== 'all')
    found.push(warning(['data', 'missingChannels'], 'unused: of each image one channel is taken (data.channel)'));
  if (config.kind === 'finetune' && config.augment.dropChannel > 0 && config.network.inChannels === 1)
    found.push(warning(['augment', 'dropChannel'], 'unused: the network has one channel, which is never left out'));
  return found;
}

export function dataRules(config: Config): Problem[] {
  const { preprocess, validation, validationFraction } = config.data;
  const { intensity, foreground } = preprocess;
  const at = ['data', 'preprocess'];
  const found: Problem[] = [];
  if (intensity && intensity.kind !== 'zscore') {
    if (intensity.low >= intensity.high) {
      const what = intensity.kind === 'window' ? 'the window must end above its start' : 'percentiles must rise';
      const message = `${what}: low is ${intensity.low}, high is ${intensity.high}`;
      found.push(error([...at, 'intensity', 'high'], message));
    }
    if (intensity.to[0] >= intensity.to[1]) {
      found.push(error([...at, 'intensity', 'to'], `must rise, is ${JSON.stringify(intensity.to)}`, [0, 1]));
    } else if (intensity.clip && typeof foreground?.threshold === 'number' && foreground.threshold >= intensity.to[1]) {
      const message = `no voxel is above ${foreground.threshold}: intensities end at ${intensity.to[1]}`;
      found.push(error([...at, 'foreground', 'threshold'], message));
    }
  }
  if (validation.length > 0 && validationFraction > 0) {
    found.push(warning(['data', 'validationFraction'], 'unused, since data.validation names volumes'));
  }
  return found;
}

/** The learning rate cannot rise towards its end. */
export function rateRules({ schedule, optimizer }: Config): Problem[] {
  if (schedule.minLr <= optimizer.lr) return [];
  return [error(['schedule', 'minLr'], `${schedule.minLr} is above optimizer.lr, ${optimizer.lr}`, 0)];
}

/** Nesterov's momentum looks ahead along the plain one. */
export function optimizerRules({ optimizer }: Config): Problem[] {
  const { name, nesterov, momentum } = optimizer;
  if (name !== 'sgd' || !nesterov || momentum > 0) return [];
  return [error(['optimizer', 'nesterov'], 'needs a momentum above 0', false)];
}

/** Settings that were changed, but that the chosen optimizer or schedule does not look at. */
export function idleRules(config: Config): Problem[] {
  const sections: readonly (readonly ['optimizer' | 'schedule', SchemaNode])[] = [
    ['optimizer', optimizerSchema],
    ['schedule', config.kind === 'finetune' ? finetuneScheduleSchema : scheduleSchema],
  ];
  return sections.flatMap(([section, { properties = {} }]) => {
    const value: Readonly<Record<string, unknown>> = config[section];
    return Object.entries(properties).flatMap(([key, schema]) => {
      const because = idleBecause(value, schema);
      if (!because || JSON.stringify(value[key]) === JSON.stringify(schema.default)) return [];
      const { usedBy = [], usedWith = {} } = schema;
      const users = listOf(usedWith[because.key] ?? usedBy, 'and');
      const where = because.key === 'name' ? `${section}.name` : `${section}.${because.key}.name`;
      return [warning([section, key], `unused: ${where} "${because.value}" has no such setting, only ${users}`)];
    });
  });
}

/** The one device that knows a precision other than float32. */
const PRECISE_DEVICE = { bf16: 'onednn', float16: 'webgpu' } as const;

export function precisionRules({ precision, device }: Config): Problem[] {
  if (precision === 'float32' || device === 'auto') return [];
  const wanted = PRECISE_DEVICE[precision];
  if (device === wanted || device.startsWith(`${wanted}:`)) return [];
  return [error(['precision'], `device ${device} has no ${precision}: use "float32" or device "${wanted}"`, 'float32')];
}
