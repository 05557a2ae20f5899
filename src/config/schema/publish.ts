import { finetuneSchema } from './finetune';
import { pretrainSchema } from './pretrain';

/** The schema of every kind of config: `kind` says which applies. */
export const anySchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'VoCo config',
  type: 'object',
  anyOf: [pretrainSchema, finetuneSchema],
} as const;

/** The text of media/voco.schema.json, which editors use for completion and hovers in *.voco.json files. */
export function publishedSchema(): string {
  const anyOf = anySchema.anyOf.map(({ $schema: _, ...branch }) => branch);
  return `${JSON.stringify({ ...anySchema, anyOf }, null, 2)}\n`;
}
