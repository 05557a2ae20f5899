import { loadConfig } from '../config';
import { UserError } from '../errors/userError';
import { networkText } from '../nets';
import type { Branch, SourceTensor } from '../runs/import';
import { taskOf } from '../catalog';
import { matchNames } from './match';

/** How weights of a file fit the network of a config. */
export interface FitReport {
  readonly config: string;
  readonly network: string;
  readonly renamed: readonly string[];
  readonly matched: readonly string[];
  readonly shapeMismatch: readonly { name: string; expected: readonly number[]; found: readonly number[] }[];
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** Tensors matched and in all, by the first part of their names. */
  readonly modules: Readonly<Record<string, { matched: number; total: number }>>;
}

/**
 * Compares weights with the network of a config, by name and shape, and gives them the network's names.
 *
 * @throws UserError when none fits
 */
export async function fitToConfig(
  tensors: readonly SourceTensor[],
  file: string,
  configFile: string,
  branch: Branch,
): Promise<{ tensors: SourceTensor[]; fit: FitReport }> {
  const { config } = await loadConfig(configFile);
  const { layout } = (await taskOf(config)).network(config, true).parameters;
  const match = matchNames(tensors, new Set(layout.map(({ name }) => name)), branch);
  const byName = new Map(match.entries.map((tensor) => [tensor.name, tensor]));
  const fits = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();
  const [matched, missing]: [string[], string[]] = [[], []];
  const shapeMismatch: { name: string; expected: readonly number[]; found: readonly number[] }[] = [];
  const modules = new Map<string, { matched: number; total: number }>();
  for (const { name, shape } of layout) {
    const tensor = byName.get(name);
    const module = modules.get(name.split('.')[0]!) ?? { matched: 0, total: 0 };
    modules.set(name.split('.')[0]!, module);
    module.total += 1;
    if (!tensor) missing.push(name);
    else if (fits(tensor.shape, shape)) module.matched += matched.push(name) && 1;
    else shapeMismatch.push({ name, expected: shape, found: tensor.shape });
    byName.delete(name);
  }
  const network = networkText(config.network)!;
  if (matched.length === 0)
    throw new UserError(
      `${file}: 0 of ${layout.length} tensors of the network of ${configFile} (${network}) match: the file has ` +
        `"${tensors[0]!.name}" [${tensors[0]!.shape.join(', ')}], the network "${layout[0]!.name}" [${layout[0]!.shape.join(', ')}]`,
    );
  const unexpected = [...byName.keys(), ...match.others];
  const fit = { config: configFile, network, renamed: match.changes, matched, shapeMismatch, missing, unexpected };
  return { tensors: match.entries, fit: { ...fit, modules: Object.fromEntries(modules) } };
}

/** A report in a few lines for people. */
export function describeFit({
  network,
  matched,
  shapeMismatch,
  missing,
  unexpected,
  modules,
  renamed,
}: FitReport): string[] {
  const total = matched.length + shapeMismatch.length + missing.length;
  const parts = Object.entries(modules).map(([name, { matched: n, total: of }]) => `${name} ${n}/${of}`);
  return [
    `for ${network}: ${matched.length} of ${total} tensors match${renamed.length > 0 ? ` (${renamed.join('; ')})` : ''}`,
    `  ${parts.join(', ')}`,
    ...shapeMismatch.map(
      ({ name, expected, found }) => `  another shape: ${name} is [${found.join(', ')}], not [${expected.join(', ')}]`,
    ),
    ...(missing.length > 0 ? [`  not in the file: ${missing.length} tensors (${missing.slice(0, 3).join(', ')})`] : []),
    ...(unexpected.length > 0
      ? [`  not in the network: ${unexpected.length} tensors (${unexpected.slice(0, 3).join(', ')})`]
      : []),
  ];
}
