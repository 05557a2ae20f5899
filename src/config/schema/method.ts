import { pretextDescriptors, type OwnMethodSchema } from '../../pretext/descriptors';

const section = {
  type: 'object',
  default: {},
  description: 'The pretext task: which crops are taken from a volume, what the network predicts, and the loss.',
} as const;

/**
 * The section `method`, for types: one of our pretext tasks' sections. What it may hold at run time is in the registry, see
 * {@link methodChoice}.
 */
export const methodSchema = section as typeof section & OwnMethodSchema;

/** The sections `method` that there are now, told apart by their names. */
export const methodChoice = () => pretextDescriptors.all.map(({ schema }) => schema);
