import { networkDescriptors } from '../../nets/descriptors';
import { namedCondition, type SchemaNode } from '../../schema';
import { networksByTask } from '../pairs';
import { finetuneSchema } from './finetune';
import { methodChoice } from './method';
import { networkChoice } from './network';
import { pretrainSchema } from './pretrain';

/** A config's schema in which some sections are a choice, by their name, of what there is now. */
function withChoices(schema: SchemaNode, choices: Readonly<Record<string, readonly SchemaNode[]>>): SchemaNode {
  const sections = Object.entries(choices).map(([key, anyOf]) => {
    const examples = anyOf.flatMap((one) => one.examples?.slice(0, 1) ?? []);
    return [key, { ...schema.properties![key], examples, anyOf }] as const;
  });
  return { ...schema, properties: { ...schema.properties, ...Object.fromEntries(sections) } };
}

/** The schema of each kind of config, with the networks and pretext tasks that there are now. */
export const schemasByKind = () => ({
  pretrain: withChoices(pretrainSchema, { method: methodChoice(), network: networkChoice() }),
  finetune: withChoices(finetuneSchema, { network: networkChoice() }),
});

/** The schema of every kind of config: `kind` says which applies. */
export const anySchema = (): SchemaNode => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'VoCo config',
  type: 'object',
  anyOf: Object.values(schemasByKind()),
});

/** Which networks a config of a pretext task may name; the first task is the one of a config that names none. */
const pairConditions = (pairs: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(pairs)
    .map(([task, networks], index) => ({
      if: namedCondition('method', { const: task }, index > 0),
      then: { properties: { network: { properties: { name: { enum: networks } } } } },
    }))
    .filter(({ then }) => then.properties.network.properties.name.enum.length < networkDescriptors.all.length);

/** The text of media/voco.schema.json, which editors use for completion and hovers in *.voco.json files. */
export function publishedSchema(): string {
  const schema = anySchema();
  const pairs = networksByTask();
  const anyOf = schema.anyOf!.map(({ $schema: _, ...branch }) =>
    branch.properties?.kind?.const === 'pretrain' ? { ...branch, pairs, allOf: pairConditions(pairs) } : branch,
  );
  return `${JSON.stringify({ ...schema, anyOf }, null, 2)}\n`;
}
