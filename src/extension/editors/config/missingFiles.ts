import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser';
import type { Diagnostic } from '../../../config';

const KINDS = ['datalist', 'folder', 'baseDir'] as const;

async function kindOnDisk(path: string): Promise<'file' | 'folder' | 'nothing'> {
  try {
    return (await stat(path)).isDirectory() ? 'folder' : 'file';
  } catch {
    return 'nothing';
  }
}

async function problemOf(node: Node, kind: (typeof KINDS)[number], path: string, file: string): Promise<Diagnostic[]> {
  if (typeof node.value !== 'string' || node.value === '') return [];
  const target = resolve(dirname(file), node.value);
  const wanted = kind === 'datalist' ? 'file' : 'folder';
  const found = await kindOnDisk(target);
  if (found === wanted) return [];
  const what = found === 'nothing' ? `no such ${wanted}` : `is a ${found}, not a ${wanted}`;
  const message = `${target}: ${what}; paths are relative to the folder of this config`;
  return [{ file, path, message, severity: 'error', offset: node.offset, length: node.length }];
}

/** Data sources of a config whose file or folder does not exist. Reads no file, only asks whether it is there. */
export async function findMissingSources(text: string, file: string): Promise<Diagnostic[]> {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (!root) return [];
  const checks: Promise<Diagnostic[]>[] = [];
  for (const list of ['train', 'validation']) {
    const sources = findNodeAtLocation(root, ['data', list])?.children ?? [];
    sources.forEach((_, index) => {
      for (const kind of KINDS) {
        const node = findNodeAtLocation(root, ['data', list, index, kind]);
        if (node) checks.push(problemOf(node, kind, `data.${list}[${index}].${kind}`, file));
      }
    });
  }
  return (await Promise.all(checks)).flat();
}
