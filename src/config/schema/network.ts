import { networkDescriptors, type OwnSchema } from '../../nets/descriptors';
import type { SchemaNode } from '../../schema';

const section = {
  type: 'object',
  default: {},
  description: 'The backbone that is pre-trained.',
} as const;

/**
 * The section `network`, for types: one of our networks' sections. What it may hold at run time is in the registry, see
 * {@link withNetworks}.
 */
export const networkSchema = section as typeof section & OwnSchema;

/** A config's schema in which the section `network` is a choice, by its name, of the networks that there are now. */
export function withNetworks<Schema extends SchemaNode>(schema: Schema): Schema {
  const { network } = schema.properties!;
  const anyOf = networkDescriptors.all.map((descriptor) => descriptor.schema);
  const examples = anyOf.map((one) => one.examples[0]);
  return { ...schema, properties: { ...schema.properties, network: { ...network, examples, anyOf } } };
}
