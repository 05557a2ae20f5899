import { networkDescriptors } from '../../nets/descriptors';
import { pretextOf } from '../../pretext/descriptors';
import { error, warning, type Problem } from '../../schema';
import type { PretrainConfig } from '../types';
import { formatSize } from '../../text';
import { sizeRules } from './shared';

/** The pretext task's own rules, and whether what it gives the network can pass through it. */
function methodRules(config: PretrainConfig): Problem[] {
  const task = pretextOf(config.method);
  const input = task.networkInput(config.method);
  const unfit = sizeRules(input, config.network);
  const own = task.rules(config);
  // Of a size that the network cannot take, nothing else need be said.
  const about = input.path.join('.');
  return [...(unfit.length > 0 ? own.filter((problem) => problem.path.join('.') !== about) : own), ...unfit];
}

/** A pair of task and network that cannot work. */
function pairRules({ method, network }: PretrainConfig): Problem[] {
  const task = pretextOf(method);
  const descriptor = networkDescriptors.get(network.name);
  const reason = task.refuses?.(descriptor);
  if (reason === undefined) return [];
  const fitting = networkDescriptors.all.filter((other) => task.refuses!(other) === undefined).map(({ name }) => name);
  const message = `${task.name} cannot be learnt by ${network.name}, which ${reason}; networks that can: ${fitting.join(', ')}`;
  return [error(['network', 'name'], message, fitting[0])];
}

/** Cubes that hide whole tokens. */
function tokenRules({ method, network }: PretrainConfig): Problem[] {
  const cubes = pretextOf(method).hides?.(method);
  const token = networkDescriptors.get(network.name).tokenSize?.(network);
  if (!cubes || !token || token.every((length) => cubes.edge % length === 0)) return [];
  const most = Math.max(...token);
  const message = `cubes of ${cubes.edge} voxels do not hold whole patches of ${formatSize(token)}, of which ${network.name} makes tokens`;
  return [error(cubes.path, message, Math.ceil(cubes.edge / most) * most)];
}

function warmupRules({ schedule, train }: PretrainConfig): Problem[] {
  if (schedule.name === 'constant' || schedule.warmupSteps < train.steps) return [];
  const message = `warm-up takes ${schedule.warmupSteps} steps, the whole run only ${train.steps}: the rate never reaches lr`;
  return [warning(['schedule', 'warmupSteps'], message)];
}

/** Rules of pre-training alone. */
export function pretrainRules(config: PretrainConfig): Problem[] {
  return [pairRules, methodRules, tokenRules, warmupRules].flatMap((rule) => rule(config));
}
