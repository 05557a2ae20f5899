import { networkDescriptors, type OwnSchema } from '../../nets/descriptors';

const section = {
  type: 'object',
  default: {},
  description: 'The backbone that is pre-trained.',
} as const;

/**
 * The section `network`, for types: one of our networks' sections. What it may hold at run time is in the registry, see
 * {@link networkChoice}.
 */
export const networkSchema = section as typeof section & OwnSchema;

/** The sections `network` that there are now, told apart by their names. */
export const networkChoice = () => networkDescriptors.all.map(({ schema }) => schema);
