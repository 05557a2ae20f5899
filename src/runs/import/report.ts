import type { SourceTensor, WeightsSource } from './source';
import { mapNames } from './names';
import type { Branch } from './stateDict';
import { formatCount } from '../../text';

/** What a file of weights had in it and what became of it. */
export interface ImportReport {
  readonly file: string;
  readonly format: string;
  /** Keys around the weights in the file, dotted; empty where there were none. */
  readonly wrapper: string;
  /** Which network was taken, where the file has student and teacher. */
  readonly branch: Branch | null;
  readonly changes: readonly { readonly text: string; readonly count: number }[];
  /** Tensors and numbers in them. */
  readonly tensors: number;
  readonly parameters: number;
  readonly dtypes: Readonly<Record<string, number>>;
  /** Tensors and numbers by the first part of their names. */
  readonly modules: Readonly<Record<string, { readonly tensors: number; readonly parameters: number }>>;
  /** Tensors of the other branch or of the optimizer, left out. */
  readonly others: readonly string[];
  readonly skipped: WeightsSource['skipped'];
  readonly refused: WeightsSource['refused'];
  /** Tensors that shared their numbers with another: they are separate now. */
  readonly shared: number;
}

export interface Planned {
  readonly tensors: readonly SourceTensor[];
  readonly report: ImportReport;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function countModules(tensors: readonly SourceTensor[]): ImportReport['modules'] {
  const modules = new Map<string, { tensors: number; parameters: number }>();
  for (const { name, shape } of tensors) {
    const module = name.split('.')[0]!;
    const before = modules.get(module) ?? { tensors: 0, parameters: 0 };
    modules.set(module, { tensors: before.tensors + 1, parameters: before.parameters + sizeOf(shape) });
  }
  return Object.fromEntries(modules);
}

/** Which tensors of a file become weights, and under which names: see {@link mapNames}. Reads none of them. */
export function planImport(source: WeightsSource, branch: Branch): Planned {
  const mapped = mapNames(
    source.tensors.map(({ name }) => name),
    branch,
  );
  const tensors = source.tensors.flatMap((tensor) => {
    const name = mapped.names.get(tensor.name);
    return name === undefined ? [] : [{ ...tensor, name }];
  });
  const dtypes = new Map<string, number>();
  for (const { dtype } of tensors) dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + 1);
  const byWrapper = (['student', 'teacher'] as const).find((side) => source.wrapper.split('.').includes(side));
  const { file, format, wrapper, skipped, refused, shared } = source;
  const report: ImportReport = {
    ...{ file, format, wrapper, skipped, refused, shared },
    branch: byWrapper ?? mapped.branch ?? null,
    changes: mapped.changes,
    tensors: tensors.length,
    parameters: tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    dtypes: Object.fromEntries(dtypes),
    modules: countModules(tensors),
    others: mapped.others,
  };
  return { tensors, report };
}

const some = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ');

/** A report in a few lines for people. */
export function describeImport(report: ImportReport): string[] {
  const { file, format, wrapper, branch, changes, tensors, parameters, others, skipped, refused, shared } = report;
  const where = [format, ...(wrapper ? [`in "${wrapper}"`] : []), ...(branch ? [`the ${branch}`] : [])].join(', ');
  const dtypes = Object.entries(report.dtypes).map(([name, count]) => `${count} ${name}`);
  const modules = Object.entries(report.modules).map(([name, { tensors: n }]) => `${name} ${n}`);
  return [
    `${file}: ${where}: ${tensors} tensors, ${formatCount(parameters)} numbers (${dtypes.join(', ')})`,
    `  ${modules.join(', ')}`,
    ...changes.map(({ text, count }) => `  ${text}: ${count} tensors`),
    ...(others.length > 0 ? [`  left out (other branch, optimizer): ${others.length} tensors (${some(others)})`] : []),
    ...(shared > 0 ? [`  shared numbers with another tensor, now separate: ${shared} tensors`] : []),
    ...skipped.map(({ name, reason }) => `  left out: ${name} (${reason})`).slice(0, 10),
    ...refused.map(({ name, where: at }) => `  refused, not loaded: ${name.slice(0, 80)} in "${at || 'the file'}"`),
  ];
}
