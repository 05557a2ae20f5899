import { networkDescriptors } from '../../nets/descriptors';
import { pretextOf } from '../../pretext/descriptors';
import { error, warning, type Problem } from '../../schema';
import type { PretrainConfig } from '../types';
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

function warmupRules({ schedule, train }: PretrainConfig): Problem[] {
  if (schedule.name === 'constant' || schedule.warmupSteps < train.steps) return [];
  const message = `warm-up takes ${schedule.warmupSteps} steps, the whole run only ${train.steps}: the rate never reaches lr`;
  return [warning(['schedule', 'warmupSteps'], message)];
}

/** Rules of pre-training alone. */
export function pretrainRules(config: PretrainConfig): Problem[] {
  return [pairRules, methodRules, warmupRules].flatMap((rule) => rule(config));
}
