import { closest } from '../../errors/closest';
import { UsageError } from '../../errors/userError';
import { phasesSchema } from '../schema/phases';

type Section = Readonly<Record<string, unknown>>;

/** The fine-tuning schedules by name, with a line on each. */
export const scheduleDescriptions: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    phasesSchema.anyOf.map(({ properties: { name } }) => [name.const as string, name.description.replace(/\.$/, '')]),
  ),
  default: 'The whole network is trained; the rate falls from the first step',
};

const scheduleNames = Object.keys(scheduleDescriptions);

/**
 * A preset's section `schedule` for one of the fine-tuning schedules. All of them fall by a power of the steps that are left, as in
 * nnU-Net.
 *
 * @throws UsageError naming those that there are
 */
export function scheduleSection(name: string, own: Section = {}): Section {
  if (!scheduleNames.includes(name)) {
    const guess = closest(name, scheduleNames);
    const hint = guess === undefined ? '' : `did you mean "${guess}"? `;
    throw new UsageError(`unknown schedule "${name}"; ${hint}there are ${scheduleNames.join(', ')}`);
  }
  const { warmupEpochs: _, ...others } = own;
  return { ...others, name: 'poly', ...(name === 'default' ? { warmupEpochs: 0 } : { phases: { name } }) };
}
