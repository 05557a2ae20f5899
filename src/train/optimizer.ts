import type { OptimizerConfig } from '../config';
import type { ParameterGroup } from '../tasks';
import { AdamW, Sgd, type Optimizer, type Parameters } from '../tensor/optim';
import { GroupedOptimizer } from './groupedOptimizer';

function optimizerOf(config: OptimizerConfig, { parameters }: ParameterGroup): Optimizer {
  const named: Parameters = new Map(parameters.map(({ name, variable }) => [name, variable]));
  const { momentum, nesterov, weightDecay, betas, eps, amsgrad } = config;
  switch (config.name) {
    case 'sgd':
      return new Sgd(named, { momentum, nesterov, weightDecay });
    case 'adamw':
      return new AdamW(named, { betas: [betas[0], betas[1]], eps, weightDecay, amsgrad });
  }
}

/** The optimizer of a config for groups of parameters, whose gradients come in the order of the groups. */
export function buildOptimizer(config: OptimizerConfig, groups: readonly ParameterGroup[]): Optimizer {
  const [only] = groups;
  // A single group without a name has no prefix in checkpoints.
  if (groups.length === 1 && only!.name === '' && only!.rate === 1) return optimizerOf(config, only!);
  return new GroupedOptimizer(
    groups.map((group) => ({
      name: group.name,
      optimizer: optimizerOf(config, group),
      size: group.parameters.length,
      rate: group.rate,
    })),
  );
}
