import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import type { ConfigKind } from './types';

/** The kind that the text of a config names; pre-training where it names none yet. */
export function kindOfText(text: string): ConfigKind {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const kind: unknown = root && findNodeAtLocation(root, ['kind'])?.value;
  return kind === 'finetune' ? kind : 'pretrain';
}
