import { UserError } from '../../../errors/userError';
import { cvprPaper } from './cvpr-paper/loss';
import type { ObjectiveName } from './descriptors';
import { nnssl } from './nnssl/loss';
import { softmax } from './softmax/loss';
import { tpami } from './tpami/loss';
import type { Objective, ObjectiveOptions } from './types';
import { voco10k } from './voco-10k/loss';

export type { ObjectiveName } from './descriptors';
export type * from './types';

/** The heavy halves of the objectives: one line each (the light half stands in descriptors.ts). */
const objectives: Readonly<Record<ObjectiveName, (options: ObjectiveOptions) => Objective>> = {
  'cvpr-paper': cvprPaper,
  'voco-10k': voco10k,
  tpami,
  softmax,
  nnssl,
};

/** All weights of the authors are 1; the dropout is that of the TPAMI code. */
const DEFAULTS: ObjectiveOptions = {
  regularizerWeight: 1,
  interVolumeWeight: 1,
  featureDropout: 0.2,
  temperature: 0.1,
};

/** @throws UserError for a name that is not an objective. */
export function createObjective(name: ObjectiveName, options: Partial<ObjectiveOptions> = {}): Objective {
  const create = objectives[name];
  if (!create) {
    throw new UserError(`method.objective: "${name}" is not one of ${Object.keys(objectives).join(', ')}`);
  }
  return create({ ...DEFAULTS, ...options });
}
