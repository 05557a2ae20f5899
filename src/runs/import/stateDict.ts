import { UserError } from '../../errors/userError';
import type { DType } from '../safetensors';
import { TorchTensor } from './tensors';
import { Opaque } from './values';

/** Which network of a pre-training file. */
export type Branch = 'student' | 'teacher';

export interface StateDict {
  readonly wrapper: string;
  readonly tensors: { name: string; dtype: DType; tensor: TorchTensor }[];
  readonly skipped: { name: string; reason: string }[];
  readonly refused: { name: string; where: string }[];
}

const MAX_DEPTH = 32;
const MAX_DICTS = 1000;
const MAX_VISITED = 2_000_000;
const MAX_WRAPPERS = 4;

/** Keys that hold the weights in the files of VoCo, MONAI, nnU-Net and other trainings, the likeliest first. */
const WRAPPERS = ['state_dict', 'network_weights', 'net', 'model', 'model_state_dict', 'weights', 'network', 'params'];

const show = (key: unknown): string => (typeof key === 'string' ? key : typeof key).slice(0, 120);

/** Whether a dict maps names to tensors, and not to optimizer state or further dicts alone. */
function holdsTensors(value: unknown): value is Map<unknown, unknown> {
  if (!(value instanceof Map)) return false;
  for (const [key, item] of value) if (typeof key === 'string' && item instanceof TorchTensor) return true;
  return false;
}

function unwrap(root: unknown, file: string, branch: Branch): { dict: Map<unknown, unknown>; path: string[] } {
  const path: string[] = [];
  let value = root;
  while (!holdsTensors(value)) {
    if (value instanceof Opaque)
      throw new UserError(
        `${file}: ${path.length > 0 ? `"${path.join('.')}" in it` : 'it'} is an object of ${value.path.slice(0, 80)}, which is not ` +
          'loaded; in Python, torch.save its state_dict()',
      );
    if (!(value instanceof Map) || path.length >= MAX_WRAPPERS) throw withoutWeights(root, file);
    const key = wrapperKey(value as Map<unknown, unknown>, branch);
    if (key === undefined) throw withoutWeights(root, file);
    path.push(key);
    value = (value as Map<unknown, unknown>).get(key);
  }
  return { dict: value, path };
}

function wrapperKey(dict: Map<unknown, unknown>, branch: Branch): string | undefined {
  const usable = (key: string): boolean => dict.get(key) instanceof Map || dict.get(key) instanceof Opaque;
  const known = [branch, ...WRAPPERS, 'student', 'teacher'].find(usable);
  if (known !== undefined) return known;
  const others = [...dict].filter(([key, value]) => typeof key === 'string' && holdsTensors(value));
  return others.length === 1 ? (others[0]![0] as string) : undefined;
}

function withoutWeights(root: unknown, file: string): UserError {
  const keys = root instanceof Map ? [...(root as Map<unknown, unknown>).keys()].slice(0, 10).map(show) : [];
  const has = keys.length > 0 ? `it has ${keys.map((key) => JSON.stringify(key)).join(', ')}` : 'it is no dict';
  return new UserError(`${file}: no state dict (names to tensors) found in it: ${has}`);
}

/** Placeholders anywhere in what was saved, by name, with where the first of each is. */
function findRefused(root: unknown): { name: string; where: string }[] {
  const found = new Map<string, string>();
  const seen = new Set<unknown>();
  const queue: { value: unknown; path: string; depth: number }[] = [{ value: root, path: '', depth: 0 }];
  for (let item = queue.pop(); item && seen.size < MAX_VISITED; item = queue.pop()) {
    const { value, path, depth } = item;
    if (value instanceof Opaque && !found.has(value.path)) found.set(value.path, path);
    if (!(value instanceof Map || Array.isArray(value)) || depth >= MAX_DEPTH || seen.has(value)) continue;
    seen.add(value);
    const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : value.entries();
    for (const [key, child] of entries) {
      if (child instanceof Opaque || child instanceof Map || Array.isArray(child))
        queue.push({ value: child, path: path ? `${path}.${show(key)}` : show(key), depth: depth + 1 });
    }
  }
  return [...found].map(([name, where]) => ({ name, where }));
}

/** Adds a dict's tensors under their dotted names; dicts within it (by module) are followed, each once. */
function collect(dict: Map<unknown, unknown>, prefix: string, file: string, into: StateDict, seen: Set<unknown>): void {
  seen.add(dict);
  for (const [key, value] of dict) {
    const name = prefix + (typeof key === 'number' ? String(key) : show(key));
    if (value instanceof Opaque)
      throw new UserError(
        `${file}: refused: ${JSON.stringify(name)} among its weights would be made by ${value.path.slice(0, 80)}; only tensors are loaded`,
      );
    if (value instanceof TorchTensor) {
      if (value.dtype) into.tensors.push({ name, dtype: value.dtype, tensor: value });
      else into.skipped.push({ name, reason: `element type ${value.storage.className.replace('Storage', '')}` });
    } else if (value instanceof Map && !seen.has(value) && seen.size < MAX_DICTS)
      collect(value, `${name}.`, file, into, seen);
    else into.skipped.push({ name, reason: 'not a tensor' });
  }
}

/**
 * Finds the weights in what a PyTorch file holds: a flat dict of tensors, or one below the keys that trainings use.
 *
 * @throws UserError when there are none, or when a class or function would have made one of them
 */
export function findStateDict(root: unknown, file: string, branch: Branch): StateDict {
  const { dict, path } = unwrap(root, file, branch);
  const result: StateDict = { wrapper: path.join('.'), tensors: [], skipped: [], refused: findRefused(root) };
  collect(dict, '', file, result, new Set());
  if (new Set(result.tensors.map(({ name }) => name)).size !== result.tensors.length)
    throw new UserError(`${file}: two tensors in it have the same name`);
  return result;
}
