/** Files of torch.save with whole state dicts, written without PyTorch: every number in them is the same. */
import { zip, latin } from './torchZip';

export interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** What is saved: dicts, lists, numbers, texts, state dicts, and objects of a class by its path. */
export type Saved = number | string | readonly Saved[] | { readonly [key: string]: Saved } | State | Bare | Instance;

/** A tensor without a name. */
export class Bare {
  constructor(readonly shape: readonly number[]) {}
}

/** A dict of tensors. */
export class State {
  constructor(readonly tensors: readonly Named[]) {}
}

/** An object of a class, `monai.networks.nets.SwinUNETR`. */
export class Instance {
  constructor(readonly path: string) {}
}

export const state = (tensors: readonly Named[]): State => new State(tensors);
export const under = (prefix: string, tensors: readonly Named[]): Named[] =>
  tensors.map(({ name, shape }) => ({ name: prefix + name, shape }));

const bytes32 = (value: number): string =>
  String.fromCharCode(...[0, 8, 16, 24].map((shift) => (value >> shift) & 255));
const text = (value: string): string => `X${bytes32(Buffer.byteLength(value))}${Buffer.from(value).toString('latin1')}`;
const integer = (value: number): string => `J${bytes32(value)}`;
const tuple = (values: readonly number[]): string => `(${values.map(integer).join('')}t`;

/** A tensor of any shape whose every element is the first of the file's only storage. */
function tensor({ shape }: Bare): string {
  const storage = `(${text('storage')}ctorch\nFloatStorage\n${text('0')}${text('cpu')}K\x02tQ`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00${tuple(shape)}${tuple(shape.map(() => 0))}\x89}tR`;
}

function pickled(value: Saved): string {
  if (typeof value === 'number') return integer(value);
  if (typeof value === 'string') return text(value);
  if (value instanceof State) return `}(${value.tensors.map((one) => text(one.name) + tensor(one)).join('')}u`;
  if (value instanceof Bare) return tensor(value);
  if (value instanceof Instance) {
    const [module, name] = [value.path.split('.').slice(0, -1).join('.'), value.path.split('.').at(-1)!];
    return `c${module}\n${name}\n)\x81`;
  }
  if (Array.isArray(value)) return `](${(value as readonly Saved[]).map(pickled).join('')}e`;
  return `}(${Object.entries(value as Record<string, Saved>)
    .map(([key, child]) => text(key) + pickled(child))
    .join('')}u`;
}

/** @param crc false: as after torch.serialization.set_crc32_options(False) */
export function torchFile(value: Saved, { crc = true } = {}): Buffer {
  const file = zip([
    { name: 'archive/data.pkl', content: latin(`\x80\x02${pickled(value)}.`) },
    { name: 'archive/data/0', content: Uint8Array.from([0, 0, 128, 63, 0, 0, 0, 64]) },
  ]);
  if (crc) return file;
  for (let at = file.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = file.indexOf('PK\x01\x02', at + 4, 'latin1'))
    file.writeUInt32LE(0, at + 16);
  return file;
}
