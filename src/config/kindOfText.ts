import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { jsonDepth } from '../files/json';
import { MOST_CONFIG_DEPTH } from './bounds';
import type { ConfigKind } from './types';

/** The kind stands near the start: the editor asks at every change, of texts of any length. */
const LOOKED_AT = 1 << 16;

/** The kind that the text of a config names; pre-training where it names none yet. */
export function kindOfText(text: string): ConfigKind {
  const start = text.slice(0, LOOKED_AT);
  if (jsonDepth(start, MOST_CONFIG_DEPTH) > MOST_CONFIG_DEPTH) return 'pretrain';
  const root = parseTree(start, [], { allowTrailingComma: true });
  const kind: unknown = root && findNodeAtLocation(root, ['kind'])?.value;
  return kind === 'finetune' ? kind : 'pretrain';
}
