import { UserError } from '../errors/userError';
import { volumeOf } from '../tensor/torchLayout';
import { counted } from '../text';

/** One tensor of a state dict in torch's shape and element order. Integer buffers are `Int32Array` (int64 in torch). */
export interface StateEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export interface LoadOptions {
  /** Everything must match, or nothing is changed and a UserError is thrown. Default false. */
  strict?: boolean;
  /** File or checkpoint to name in errors. */
  source?: string;
}

/** What a load found: no tensor is ever left out silently. */
export interface LoadReport {
  matched: string[];
  shapeMismatch: { name: string; expected: readonly number[]; found: readonly number[] }[];
  /** In the network, not in the file. */
  missing: string[];
  /** In the file, not in the network. */
  unexpected: string[];
}

export interface LoadTarget {
  readonly name: string;
  readonly shape: readonly number[];
  assign(data: StateEntry['data']): void;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/**
 * Matches entries to targets by name and shape and copies the values of those that match.
 *
 * @throws UserError when strict and anything differs, or when an entry's data is not as long as its shape says.
 */
export function loadEntries(
  targets: readonly LoadTarget[],
  entries: Iterable<StateEntry>,
  options: LoadOptions,
): LoadReport {
  const source = options.source ?? 'state dict';
  const byName = new Map<string, StateEntry>();
  for (const entry of entries) byName.set(entry.name, entry);
  const report: LoadReport = { matched: [], shapeMismatch: [], missing: [], unexpected: [] };
  const assignments: (() => void)[] = [];
  for (const target of targets) {
    const entry = byName.get(target.name);
    byName.delete(target.name);
    if (!entry) report.missing.push(target.name);
    else if (!sameShape(entry.shape, target.shape)) {
      report.shapeMismatch.push({ name: target.name, expected: target.shape, found: entry.shape });
    } else {
      checkLength(entry, source);
      report.matched.push(target.name);
      assignments.push(() => target.assign(entry.data));
    }
  }
  report.unexpected.push(...byName.keys());
  if (options.strict) requireComplete(report, source);
  for (const assign of assignments) assign();
  return report;
}

function checkLength(entry: StateEntry, source: string): void {
  const expected = volumeOf(entry.shape);
  if (entry.data.length === expected) return;
  throw new UserError(
    `${source}: tensor ${entry.name} holds ${entry.data.length} numbers but its shape needs ${expected}; the file is damaged`,
  );
}

function requireComplete(report: LoadReport, source: string): void {
  const { missing, shapeMismatch, unexpected } = report;
  if (missing.length + shapeMismatch.length + unexpected.length === 0) return;
  const mismatch = shapeMismatch[0];
  const example = mismatch
    ? `${mismatch.name} is [${mismatch.found.join(', ')}], the network has [${mismatch.expected.join(', ')}]`
    : missing.length > 0
      ? `${missing[0]} is missing`
      : `${unexpected[0]} is unexpected`;
  throw new UserError(
    `${source}: does not fit the network: ${counted(missing.length, 'tensor')} missing, ${shapeMismatch.length} of another shape, ` +
      `${unexpected.length} unexpected (${example}); check the network section of the config`,
  );
}
