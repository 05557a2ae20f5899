import type { NetworkDescriptor } from '../../nets/descriptor';
import { networkDescriptors } from '../../nets/descriptors';
import { pretextOf } from '../../pretext/descriptors';
import { error, warning, type Problem } from '../../schema';
import { formatSize } from '../../text';
import { networksFor } from '../pairs';
import type { NetworkConfig, PretrainConfig } from '../types';
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

/** A section of another network with what this one sets and the other has as well. */
function sectionOf(other: NetworkDescriptor, network: NetworkConfig): object {
  const [own, its] = [networkDescriptors.get(network.name).schema.properties, other.schema.properties];
  const same = Object.entries(network).filter(
    ([key, value]) =>
      its[key] !== undefined && !its[key].deprecated && JSON.stringify(value) !== JSON.stringify(own[key]?.default),
  );
  return { ...Object.fromEntries(same), name: other.name };
}

/** A pair of task and network that cannot work. */
function pairRules({ method, network }: PretrainConfig): Problem[] {
  const task = pretextOf(method);
  const reason = task.refuses?.(networkDescriptors.get(network.name));
  if (reason === undefined) return [];
  const fitting = networksFor(task);
  const names = fitting.map(({ name }) => name).join(', ');
  const message = `${task.name} cannot be learnt by ${network.name}, which ${reason}; networks that can: ${names}`;
  const problem = error(['network', 'name'], message);
  const [first] = fitting;
  if (!first) return [problem];
  const fix = { title: `Change to "${first.name}"`, path: ['network'], value: sectionOf(first, network) };
  return [{ ...problem, fix }];
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
