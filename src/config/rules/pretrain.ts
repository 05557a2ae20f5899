import { pretextOf } from '../../pretext/descriptors';
import { warning, type Problem } from '../../schema';
import type { PretrainConfig } from '../types';
import { sizeRules } from './shared';

/** The pretext task's own rules, and whether what it gives the network can pass through it. */
function methodRules(config: PretrainConfig): Problem[] {
  const task = pretextOf(config.method);
  const { path, size } = task.networkInput(config.method);
  const unfit = sizeRules(path, size, config.network);
  const own = task.rules(config);
  // Of a size that the network cannot take, nothing else need be said.
  const about = path.join('.');
  return [...(unfit.length > 0 ? own.filter((problem) => problem.path.join('.') !== about) : own), ...unfit];
}

function warmupRules({ schedule, train }: PretrainConfig): Problem[] {
  if (schedule.name !== 'warmup-cosine' || schedule.warmupSteps < train.steps) return [];
  const message = `warm-up takes ${schedule.warmupSteps} steps, the whole run only ${train.steps}: the rate never reaches lr`;
  return [warning(['schedule', 'warmupSteps'], message)];
}

/** Rules of pre-training alone. */
export function pretrainRules(config: PretrainConfig): Problem[] {
  return [methodRules, warmupRules].flatMap((rule) => rule(config));
}
