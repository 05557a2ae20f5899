import { error, type Problem } from '../../schema';

interface Weights {
  readonly restoreWeight: number;
  readonly rotationWeight: number;
  readonly contrastWeight: number;
}

/** Something must be asked, and a contrast needs other crops. */
export function weightRules(method: Weights & { readonly perVolume: number }, batch: number): Problem[] {
  const { restoreWeight, rotationWeight, contrastWeight, perVolume } = method;
  if (restoreWeight + rotationWeight + contrastWeight === 0)
    return [error(['method', 'restoreWeight'], 'all weights are 0: nothing is asked of the network', 1)];
  if (contrastWeight > 0 && perVolume * batch < 2)
    return [error(['method', 'perVolume'], 'one crop a step has nothing to be contrasted with', 2)];
  return [];
}
