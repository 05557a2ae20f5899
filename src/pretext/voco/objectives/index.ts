import { UserError } from '../../../errors/userError';
import { cvprPaper } from './cvprPaper';
import { tpami } from './tpami';
import type { Objective, ObjectiveName, ObjectiveOptions } from './types';
import { voco10k } from './voco10k';

export type * from './types';

const presets: Record<ObjectiveName, (options: ObjectiveOptions) => Objective> = {
  'cvpr-paper': cvprPaper,
  'voco-10k': voco10k,
  tpami,
};

/** All weights of the authors are 1; the dropout is that of the TPAMI code. */
const DEFAULTS: ObjectiveOptions = { regularizerWeight: 1, interVolumeWeight: 1, featureDropout: 0.2 };

/** @throws UserError for a name that is not a preset. */
export function createObjective(name: ObjectiveName, options: Partial<ObjectiveOptions> = {}): Objective {
  const preset = presets[name];
  if (!preset) {
    throw new UserError(`method.objective: "${name}" is not one of ${Object.keys(presets).join(', ')}`);
  }
  return preset({ ...DEFAULTS, ...options });
}
