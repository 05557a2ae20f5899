import type { SchemaNode } from '../../schema';
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

/** The text of media/voco.schema.json, which editors use for completion and hovers in *.voco.json files. */
export function publishedSchema(): string {
  const schema = anySchema();
  const anyOf = schema.anyOf!.map(({ $schema: _, ...branch }) => branch);
  return `${JSON.stringify({ ...schema, anyOf }, null, 2)}\n`;
}
