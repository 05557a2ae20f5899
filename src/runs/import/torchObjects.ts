import { UserError } from '../../errors/userError';
import { DTYPE_BYTES } from '../safetensors';
import { brokenPickle } from './machine';
import { extent, NAMED_DTYPES, OTHER_BYTES, STORAGE_DTYPES, TorchTensor, type Storage } from './tensors';
import { Global, type PickleHooks } from './values';

/** Modules and functions that only an attack names in a file of weights. */
const DANGEROUS_MODULES = new Set(
  (
    'os posix nt subprocess sys shutil socket runpy importlib pty code codeop ctypes pickle _pickle marshal commands ' +
    'asyncio multiprocessing threading webbrowser requests urllib http ftplib smtplib telnetlib platform pip bdb pdb ' +
    'timeit cProfile profile pydoc tempfile signal'
  ).split(' '),
);
const DANGEROUS_BUILTINS = new Set([
  'eval',
  'exec',
  'execfile',
  'compile',
  'open',
  '__import__',
  'input',
  'breakpoint',
]);
const BUILTINS = new Set(['builtins', '__builtin__']);

const MAX_RANK = 64;
const MAX_STORAGES = 100_000;
const MAX_KEY = 1000;

function refuseDangerous(global: Global, file: string): void {
  const root = global.module.split('.')[0]!;
  const builtin = BUILTINS.has(global.module) && DANGEROUS_BUILTINS.has(global.name);
  if (!builtin && !DANGEROUS_MODULES.has(root)) return;
  throw new UserError(
    `${file}: refused: its pickle names ${global.path.slice(0, 80)}, which can run commands or open files and does not belong ` +
      'among weights; nothing was run; do not load this file in Python either',
  );
}

const namedType = (name: string) => (Object.hasOwn(NAMED_DTYPES, name) ? NAMED_DTYPES[name] : undefined);

function sizes(value: unknown): number[] | undefined {
  const good = Array.isArray(value) && value.length <= MAX_RANK;
  return good && value.every((n) => Number.isSafeInteger(n) && (n as number) >= 0) ? (value as number[]) : undefined;
}

/** Rebuilds what PyTorch's files are made of; remembers each storage that they name. */
export class TorchObjects implements PickleHooks {
  readonly storages = new Map<string, Storage>();

  constructor(private readonly file: string) {}

  readonly named = (global: Global): void => refuseDangerous(global, this.file);

  /** `('storage', class, key, location, elements[, view])`: of the old format with the view's (key, offset, elements). */
  readonly persistent = (id: unknown): Storage => {
    const [kind, type, key, , elements, view] = Array.isArray(id) ? (id as unknown[]) : [];
    const known = type instanceof Global && Object.hasOwn(STORAGE_DTYPES, type.name);
    if (kind !== 'storage' || typeof key !== 'string' || key.length > MAX_KEY || !known) {
      const named = type instanceof Global ? ` of the unknown class ${type.path.slice(0, 80)}` : '';
      throw brokenPickle(this.file, `it refers to something outside it that is no storage${named}`);
    }
    const whole = this.storage(key, type.name, elements);
    return Array.isArray(view) ? this.view(whole, view) : whole;
  };

  private width(className: string): number {
    const dtype = STORAGE_DTYPES[className];
    return dtype ? DTYPE_BYTES[dtype] : (OTHER_BYTES[className] ?? 1);
  }

  private storage(key: string, className: string, elements: unknown): Storage {
    const bytes = typeof elements === 'number' ? elements * this.width(className) : NaN;
    if (!Number.isSafeInteger(bytes) || bytes < 0)
      throw brokenPickle(this.file, `storage ${JSON.stringify(key.slice(0, 80))} claims ${String(elements)} elements`);
    const known = this.storages.get(key);
    if (known && known.bytes !== bytes)
      throw brokenPickle(this.file, `storage ${JSON.stringify(key.slice(0, 80))} has two sizes`);
    const storage = { key, dtype: STORAGE_DTYPES[className], className, bytes, begin: 0 };
    if (!known) this.storages.set(key, storage);
    if (this.storages.size > MAX_STORAGES)
      throw brokenPickle(this.file, `it has more than ${MAX_STORAGES} storages, which no network's file does`);
    return storage;
  }

  private view(whole: Storage, view: readonly unknown[]): Storage {
    const [begin, length] = [view[1], view[2]].map((n) => Number(n) * this.width(whole.className)) as [number, number];
    const valid = [begin, length].every((n) => Number.isSafeInteger(n) && n >= 0);
    if (!valid || begin + length > whole.bytes) throw brokenPickle(this.file, 'it has a view outside its storage');
    return { ...whole, begin, bytes: length };
  }

  readonly rebuild = (global: Global, args: readonly unknown[]): unknown => {
    switch (global.path) {
      case 'torch._utils._rebuild_tensor':
      case 'torch._utils._rebuild_tensor_v2':
        return this.tensor(args);
      case 'torch._utils._rebuild_tensor_v3':
        return this.tensor(args, args[6]);
      case 'torch._utils._rebuild_parameter':
      case 'torch._utils._rebuild_parameter_with_state':
        return args[0] instanceof TorchTensor ? args[0] : undefined;
      case 'torch._tensor._rebuild_from_type_v2':
        return this.fromType(args);
      case 'collections.OrderedDict':
        return this.orderedDict(args[0]);
      case 'collections.defaultdict':
      case '__builtin__.dict':
      case 'builtins.dict':
        return new Map();
      case '__builtin__.set':
      case 'builtins.set':
      case 'torch.Size':
        return Array.isArray(args[0]) ? args[0] : [];
      default:
        return undefined;
    }
  };

  /** `(function, class, arguments, state)` of a subclass of a tensor: only functions that make tensors are followed. */
  private fromType([callee, , args]: readonly unknown[]): unknown {
    const ofTensors = callee instanceof Global && callee.module === 'torch._utils';
    return ofTensors && Array.isArray(args) ? this.rebuild(callee, args) : undefined;
  }

  private orderedDict(pairs: unknown): Map<unknown, unknown> {
    const good = Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2);
    return new Map(good ? (pairs as [unknown, unknown][]) : []);
  }

  /** `(storage, offset, size, stride, …)`, and the element type where the storage has none. */
  private tensor(args: readonly unknown[], type?: unknown): TorchTensor {
    const storage = args[0] as Storage | undefined;
    const [offset, shape, strides] = [args[1], sizes(args[2]), sizes(args[3])];
    const placed = typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0;
    if (typeof storage?.className !== 'string' || !placed || !shape || shape.length !== strides?.length)
      throw brokenPickle(this.file, 'it has a tensor without a valid storage, offset, shape and strides');
    const named = type instanceof Global ? namedType(type.name) : storage.dtype;
    const tensor = new TorchTensor(storage, named, offset, shape, strides);
    this.checkBounds(tensor);
    return tensor;
  }

  private checkBounds(tensor: TorchTensor): void {
    const { storage, dtype, shape, size } = tensor;
    const width = dtype ? DTYPE_BYTES[dtype] : this.width(storage.className);
    const end = extent(tensor).end * width;
    if (!Number.isSafeInteger(size) || !(end <= storage.bytes) || !shape.every(Number.isSafeInteger))
      throw brokenPickle(
        this.file,
        `it has a tensor [${shape.slice(0, 8).join(', ')}] outside its storage of ${storage.bytes} bytes`,
      );
  }
}
