import { pretrainSchema } from './pretrain';

/** The text of media/voco.schema.json, which editors use for completion and hovers in *.voco.json files. */
export function publishedSchema(): string {
  return `${JSON.stringify(pretrainSchema, null, 2)}\n`;
}
