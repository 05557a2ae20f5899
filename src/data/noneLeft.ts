import { UserError } from '../errors/userError';

const CHECK = 'mend them (voco check CONFIG lists what is wrong with each)';

const PARTS = {
  train: { which: 'to train on', advice: `${CHECK}, or name others in data.train` },
  validation: {
    which: 'held out',
    advice:
      `${CHECK}, name others in data.validation, or train without any: ` +
      '--set data.validation=[] --set data.validationFraction=0',
  },
} as const;

/**
 * What to say where all cases of a list are bad, so that none is left with `data.onBadCase` "skip".
 *
 * @param reason what is wrong with one of them, a sentence that names its file
 */
export function noneLeft(part: keyof typeof PARTS, count: number, reason: string): UserError {
  const { which, advice } = PARTS[part];
  const all = count === 1 ? 'the only case' : `all ${count} cases`;
  const because = reason === '' ? '' : ` (${reason})`;
  return new UserError(
    `${all} ${which} ${count === 1 ? 'is' : 'are'} bad, so that data.onBadCase "skip" leaves none${because}; ${advice}`,
  );
}
