import { positive } from '../../schema/shapes';

const named = <const Name extends string>(name: Name, description: string) =>
  ({ type: 'string', const: name, default: name, description, examples: [name] }) as const;

/** A share of the run's steps. */
const share = (description: string) =>
  ({ type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0.1, description, examples: [0.1, 0.05] }) as const;

const FORK = 'nnU-Net’s fork for nnssl';

const warmup = share(
  `Share of the steps in which the rate of the whole network rises to optimizer.lr. ${FORK}: 15 of 150 epochs, or 50 of 1000.`,
);

const decoder = share(
  `Share of the steps, at the start, in which only the new weights are trained. ${FORK}: 15 of 150 epochs, or 50 of 1000.`,
);

const decoderRate = {
  ...positive,
  default: 1,
  description: `Rate while only the new weights are trained, as a multiple of optimizer.lr. ${FORK}: 1; 0.01 for Primus, 0.1 in its 150 epochs.`,
  examples: [1, 0.01],
} as const;

/** A schedule of {@link phasesSchema}: closed, and told from the others by its name. */
const schedule = <const Name extends string, const Properties extends object>(
  name: Name,
  description: string,
  properties: Properties,
) =>
  ({
    type: 'object',
    title: name,
    additionalProperties: false,
    properties: { name: named(name, description), ...properties },
  }) as const;

/** Which weights of a fine-tuning are trained when: the schedules that nnssl's authors compare (OpenMind benchmark). */
export const phasesSchema = {
  type: 'object',
  default: {},
  description:
    'Which weights are trained when. What comes from the checkpoint into the encoder is kept in some phases; all else (decoder, heads, a ' +
    'first layer with other channels) is new and always trained. Shares are of the whole run; at the end of each rise, schedule.name falls.',
  examples: [{ name: 'sawtooth' }, { name: 'warm-up', warmup: 0.1 }, { name: 'frozen' }],
  anyOf: [
    schedule('default', 'One phase: the whole network, as the other keys of schedule and init say.', {}),
    schedule('frozen', 'The encoder keeps the weights of the checkpoint; the rest warms up, then its rate falls.', {
      warmup: share(
        `Share of the steps in which the rate of the rest rises to optimizer.lr. ${FORK}: 15 of 150 epochs (Primus).`,
      ),
    }),
    schedule('warm-up', 'The whole network warms up, then its rate falls (OpenMind benchmark: best for Primus).', {
      warmup,
    }),
    schedule(
      'sawtooth',
      'The new weights warm up and their rate falls, then the whole network does (OpenMind benchmark: best for CNNs).',
      { decoder, warmup, decoderRate },
    ),
    schedule('valley', 'The rate of the new weights falls linearly, then the whole network warms up and falls.', {
      decoder,
      warmup,
      decoderRate,
    }),
  ],
} as const;
