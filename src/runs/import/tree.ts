import { UserError } from '../../errors/userError';
import type { DType } from '../safetensors';
import { TorchTensor } from './tensors';
import { Opaque } from './values';

/** A tensor somewhere in a file. */
export interface FoundTensor {
  /** Keys of the dicts and lists around it; the last one is its name in the innermost dict, which may be dotted itself. */
  readonly path: readonly string[];
  readonly dtype: DType;
  readonly tensor: TorchTensor;
}

/** All that a PyTorch file holds: tensors at any depth, and the rest by name. */
export interface FileTree {
  readonly tensors: FoundTensor[];
  /** Entries that are no tensors to keep, with the reason: numbers, texts, complex tensors. */
  readonly skipped: { path: readonly string[]; reason: string }[];
  /** Objects that would be made by a class or a function, which is not run. */
  readonly objects: { path: readonly string[]; made: string }[];
}

const MAX_DEPTH = 32;
const MAX_VISITED = 2_000_000;
const MAX_TENSORS = 30_000;
const MAX_KEY = 400;
/** Characters of all names together: thirty thousand of 100. */
const MAX_NAMES = 3_000_000;

const keyText = (key: unknown): string =>
  (typeof key === 'string' || typeof key === 'number' ? String(key) : typeof key).slice(0, MAX_KEY);

/** Why a value is not kept. */
function reasonOf(value: unknown): string {
  if (value instanceof TorchTensor) return `element type ${value.storage.className.replace('Storage', '')}`;
  return 'not a tensor';
}

interface Place {
  readonly value: unknown;
  readonly path: readonly string[];
}

const isContainer = (value: unknown): value is Map<unknown, unknown> | unknown[] =>
  value instanceof Map || Array.isArray(value);
const isKept = (value: unknown): boolean =>
  isContainer(value) || value instanceof TorchTensor || value instanceof Opaque;

/** What is in a container, in its order; of a list only what may hold or be a tensor. */
function childrenOf(container: Map<unknown, unknown> | unknown[]): [unknown, unknown][] {
  if (container instanceof Map) return [...container];
  return container.flatMap((child, i) => (isKept(child) ? [[i, child] as [unknown, unknown]] : []));
}

/**
 * Lists what a file holds, in its order, each dict and list once.
 *
 * @throws UserError when there is more of it than any network's file has
 */
export function walkTree(root: unknown, file: string): FileTree {
  const tree: FileTree = { tensors: [], skipped: [], objects: [] };
  const seen = new Set<unknown>([root]);
  const stack: Place[] = [{ value: root, path: [] }];
  let visited = 0;
  let characters = 0;
  const tooMany = (most: number, what: string): UserError =>
    new UserError(`${file}: holds more than ${most} ${what}, which no network's file does`);
  for (let place = stack.pop(); place; place = stack.pop()) {
    const { value, path } = place;
    if (++visited > MAX_VISITED) throw tooMany(MAX_VISITED, 'values');
    if (isContainer(value)) {
      const children = path.length < MAX_DEPTH ? childrenOf(value) : [];
      if (children.length === 0 && path.length > 0) tree.skipped.push({ path, reason: 'not a tensor' });
      for (const [key, child] of children.reverse()) {
        const at = [...path, keyText(key)];
        characters += at.reduce((sum, part) => sum + part.length + 1, 0);
        if (characters > MAX_NAMES) throw tooMany(MAX_NAMES, 'characters in the names of its entries');
        if (isContainer(child) && seen.has(child)) tree.skipped.push({ path: at, reason: 'not a tensor' });
        else stack.push({ value: child, path: at });
        if (isContainer(child)) seen.add(child);
      }
    } else if (value instanceof Opaque) tree.objects.push({ path, made: value.path });
    else if (value instanceof TorchTensor && value.dtype)
      tree.tensors.push({ path, dtype: value.dtype, tensor: value });
    else tree.skipped.push({ path, reason: reasonOf(value) });
    if (tree.tensors.length > MAX_TENSORS) throw tooMany(MAX_TENSORS, 'tensors');
  }
  return tree;
}
