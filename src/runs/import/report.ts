import { counted, formatCount, plural } from '../../text';
import { branchTitle, type Branch } from './branches';
import type { Plan } from './plan';
import { preparationOf, preparationText, type Preparation } from './preparation';
import { releasePreparation } from './releases';
import type { SourceTensor, WeightsSource } from './source';

/** What a file of weights had in it and what became of it. */
export interface ImportReport {
  readonly file: string;
  readonly format: string;
  /** Keys around the weights in the file, dotted; empty where there were none. */
  readonly wrapper: string;
  /** Which network was taken, where the file has student and teacher. */
  readonly branch: Branch | null;
  /** Other networks of the file that could have been taken. */
  readonly alternatives: Plan['alternatives'];
  /** What the weights are, as far as names and shapes tell. */
  readonly architecture?: string;
  /** The plan of nnU-Net or nnssl in the file. */
  readonly plan?: string;
  /** How a config prepares images for these weights, as that plan says, or of a known release. */
  readonly prepare?: Preparation;
  readonly changes: Plan['changes'];
  /** Tensors and numbers in them. */
  readonly tensors: number;
  readonly parameters: number;
  readonly dtypes: Readonly<Record<string, number>>;
  /** Tensors and numbers by the first part of their names. */
  readonly modules: Readonly<Record<string, { readonly tensors: number; readonly parameters: number }>>;
  /** Tensors of the other branch or of the optimizer, left out. */
  readonly others: readonly string[];
  readonly skipped: Plan['skipped'];
  /** What lies in the file beside the weights, by its key. */
  readonly beside: Plan['beside'];
  /** Classes and functions that the file wanted made or called, and where; nothing was made of them. */
  readonly refused: readonly { readonly name: string; readonly where: string }[];
  /** Tensors that shared their numbers with another: they are separate now. */
  readonly shared: number;
  /** Tensors with numbers that are NaN or infinite, where they were read. */
  readonly nonFinite?: readonly { readonly name: string; readonly count: number }[];
}

export interface Planned {
  readonly tensors: readonly SourceTensor[];
  readonly report: ImportReport;
  readonly plan: Plan;
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

/** Objects of a file by what would have made them, with where the first of each is. */
export function refusedOf({ objects }: WeightsSource): ImportReport['refused'] {
  const found = new Map<string, string>();
  for (const { made, path } of objects) if (!found.has(made)) found.set(made, path.join('.'));
  return [...found].map(([name, where]) => ({ name, where }));
}

export function reportOf(source: WeightsSource, plan: Plan): ImportReport {
  const { tensors, wrapper, branch, alternatives, changes, others, skipped, beside, recognised } = plan;
  const dtypes = new Map<string, number>();
  // What voco has imported says so itself.
  const known = source.format === 'safetensors' ? undefined : releasePreparation(plan, source);
  const prepare = source.field ? preparationOf(source.field) : known;
  for (const { dtype } of tensors) dtypes.set(dtype, (dtypes.get(dtype) ?? 0) + 1);
  return {
    ...{ file: source.file, format: source.format, wrapper, branch, alternatives },
    ...(recognised && { architecture: recognised.text }),
    ...(source.plan !== undefined && { plan: source.plan }),
    ...(prepare && { prepare }),
    ...{ changes, others, skipped, beside },
    tensors: tensors.length,
    parameters: tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    dtypes: Object.fromEntries(dtypes),
    modules: countModules(tensors),
    refused: refusedOf(source),
    shared: plan.shared,
  };
}

const some = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ');

const MOST_BESIDE = 12;
const MOST_MODULES = 16;

/** "epoch, optimizer_states (334 tensors)": what lies beside the weights; undefined where there is nothing. */
export function besideText(beside: Plan['beside']): string | undefined {
  if (beside.length === 0) return undefined;
  const shown = beside.slice(0, MOST_BESIDE).map(({ name, tensors }) => {
    const short = name.slice(0, 80);
    return tensors > 0 ? `${short} (${tensors} ${tensors === 1 ? 'tensor' : 'tensors'})` : short;
  });
  return [...shown, ...(beside.length > MOST_BESIDE ? [`${beside.length - MOST_BESIDE} more`] : [])].join(', ');
}

/** "teacher: --branch teacher": how the other networks of a file are taken. */
export function alternativesText(alternatives: Plan['alternatives'], option: (branch: Branch) => string): string[] {
  return alternatives.map(({ branch, prefix }) => {
    const where = prefix === '' ? '' : ` ("${prefix.replace(/\.$/, '')}")`;
    return `also in the file: ${branchTitle(branch)} weights${where}, taken with ${option(branch)}`;
  });
}

/** Weights that no network computes with. */
function nonFiniteText({ nonFinite = [] }: ImportReport): string[] {
  if (nonFinite.length === 0) return [];
  const numbers = nonFinite.reduce((sum, { count }) => sum + count, 0);
  const where = some(nonFinite.map(({ name }) => name));
  return [
    `  warning: ${counted(numbers, 'number')} ${plural(numbers, 'is', 'are')} NaN or infinite, in ${counted(nonFinite.length, 'tensor')} (${where}): the training had diverged; take an earlier checkpoint`,
  ];
}

/** A report in a few lines for people. */
export function describeImport(report: ImportReport): string[] {
  const { file, format, wrapper, branch, changes, tensors, parameters, others, skipped, beside, refused, shared } =
    report;
  const side = branch ? [`the ${branchTitle(branch)}`] : [];
  const where = [format, ...(wrapper ? [`in "${wrapper}"`] : []), ...side].join(', ');
  const dtypes = Object.entries(report.dtypes).map(([name, count]) => `${count} ${name}`);
  const modules = Object.entries(report.modules).map(([name, { tensors: n }]) => `${name} ${n}`);
  const more = modules.length - MOST_MODULES;
  const apart = besideText(beside);
  return [
    `${file}: ${where}: ${counted(tensors, 'tensor')}, ${formatCount(parameters)} numbers (${dtypes.join(', ')})`,
    `  ${modules.slice(0, MOST_MODULES).join(', ')}${more > 0 ? `, … and ${more} more` : ''}`,
    ...(report.architecture ? [`  what it is: ${report.architecture}`] : []),
    ...(report.plan ? [`  ${report.plan}`] : []),
    ...(report.prepare ? preparationText(report.prepare).map((line) => `  ${line}`) : []),
    ...changes.map(({ text, count }) => `  ${text}: ${counted(count, 'tensor')}`),
    ...alternativesText(report.alternatives, (one) => `--branch ${one}`).map((line) => `  ${line}`),
    ...(others.length > 0
      ? [`  left out (other branch, optimizer): ${counted(others.length, 'tensor')} (${some(others)})`]
      : []),
    ...(apart ? [`  beside the weights, not taken: ${apart}`] : []),
    ...(shared > 0 ? [`  shared numbers with another tensor, now separate: ${counted(shared, 'tensor')}`] : []),
    ...skipped.map(({ name, reason }) => `  left out: ${name} (${reason})`).slice(0, 10),
    ...nonFiniteText(report),
    ...refused.map(({ name, where: at }) => `  refused, not loaded: ${name.slice(0, 80)} in "${at || 'the file'}"`),
  ];
}
