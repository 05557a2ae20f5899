import type { SchemaNode } from '../../schema';
import { finetuneSchema } from './finetune';
import { withNetworks } from './network';
import { pretrainSchema } from './pretrain';

/** The schema of each kind of config, with the networks that there are now. */
export const schemasByKind = () => ({
  pretrain: withNetworks<SchemaNode>(pretrainSchema),
  finetune: withNetworks<SchemaNode>(finetuneSchema),
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
