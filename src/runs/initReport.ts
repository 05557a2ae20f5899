import { readPlainText } from '../files/regular';
import { parseJson } from '../files/json';
import { writeFileAtomically } from '../files/atomic';
import { counted } from '../text';
import { runFiles } from './files';

/** What an initialisation from a file loaded and what it did not: init.json of a run. */
export interface InitReport {
  readonly file: string;
  readonly wrapper: string;
  /** How names were brought to those of the network. */
  readonly renamed: readonly string[];
  readonly loaded: readonly string[];
  /** Loaded after a first-layer kernel was spread over more input channels. */
  readonly adapted: readonly string[];
  /** Kernels in front of an instance norm that were scaled, and what to. Left out where that was not asked for. */
  readonly rescaled?: { rootMeanSquare: number; tensors: readonly string[] };
  readonly shapeMismatch: readonly { name: string; expected: readonly number[]; found: readonly number[] }[];
  /** In the network, not in the file: these start at random. */
  readonly missing: readonly string[];
  /** In the file, not in the network. */
  readonly unexpected: readonly string[];
  /** What differs, and what else is in the file, in a line each; left out by older versions. */
  readonly notes?: readonly string[];
  /** Tensors loaded and in all, by the first part of their names. */
  readonly modules: Readonly<Record<string, { loaded: number; total: number }>>;
}

/** @throws UserError when it cannot be written */
export async function writeInitReport(runDir: string, report: InitReport): Promise<void> {
  await writeFileAtomically(runFiles(runDir).init, `${JSON.stringify(report, null, 2)}\n`);
}

/** What a run loaded at its start; undefined for a run from random weights, and where the file cannot be read. */
export async function readInitReport(runDir: string): Promise<InitReport | undefined> {
  try {
    const value = parseJson(await readPlainText(runFiles(runDir).init)) as InitReport | null;
    const lists = [
      value?.loaded,
      value?.adapted,
      value?.shapeMismatch,
      value?.missing,
      value?.unexpected,
      value?.renamed,
    ];
    if (!value?.modules || !lists.every(Array.isArray)) return undefined;
    // One that cannot be told is as good as none.
    describeInit(value);
    return value;
  } catch {
    return undefined;
  }
}

/** How many of the network's tensors were loaded. */
export function countLoaded({ loaded, missing, shapeMismatch }: InitReport): { loaded: number; total: number } {
  return { loaded: loaded.length, total: loaded.length + missing.length + shapeMismatch.length };
}

const MOST_MODULES = 20;

/** "proj_head 6, decoder1 4": how many of the names are in each module. */
export function byModule(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name.split('.')[0]!, (counts.get(name.split('.')[0]!) ?? 0) + 1);
  const shown = [...counts].slice(0, MOST_MODULES).map(([module, count]) => `${module} ${count}`);
  return [...shown, ...(counts.size > MOST_MODULES ? ['…'] : [])].join(', ');
}

/** A report in a few lines for people. */
export function describeInit(report: InitReport): string[] {
  const { modules, shapeMismatch, missing, unexpected, adapted, renamed, rescaled } = report;
  const parts = Object.entries(modules).map(([name, { loaded: n, total }]) => `${name} ${n}/${total}`);
  const mismatches = shapeMismatch.map(
    ({ name, expected, found }) => `${name} is [${found.join(', ')}], the network has [${expected.join(', ')}]`,
  );
  const { loaded, total } = countLoaded(report);
  return [
    `weights: ${loaded} of ${total} tensors from ${report.file} (${[report.wrapper, ...renamed].join('; ')})`,
    `  ${parts.join(', ')}`,
    ...(adapted.length > 0 ? [`  spread over more input channels: ${adapted.join(', ')}`] : []),
    ...(rescaled
      ? [
          `  kernels scaled to a root mean square of ${rescaled.rootMeanSquare}: ${counted(rescaled.tensors.length, 'tensor')}`,
        ]
      : []),
    ...(mismatches.length > 0 ? [`  skipped for their shape: ${mismatches.join('; ')}`] : []),
    ...(missing.length > 0
      ? [`  not in the file, start with random values: ${counted(missing.length, 'tensor')} (${byModule(missing)})`]
      : []),
    ...(unexpected.length > 0
      ? [`  in the file, not in the network: ${counted(unexpected.length, 'tensor')} (${byModule(unexpected)})`]
      : []),
    ...(report.notes ?? []).map((note) => `  ${note}`),
  ];
}
