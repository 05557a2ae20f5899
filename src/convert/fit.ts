import { loadConfig } from '../config';
import { UserError } from '../errors/userError';
import { networkText } from '../nets';
import {
  layoutTarget,
  planWeights,
  type Branch,
  type Plan,
  type SourceTensor,
  type WeightsSource,
} from '../runs/import';
import { byModule } from '../runs';
import { taskOf } from '../catalog';
import { counted } from '../text';
import { channelsNote, misfit, recognisedOf } from './verdict';

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
  /** What differs and does no harm. */
  readonly notes: readonly string[];
}

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Sorts the network's tensors into those that a file has, has in another shape, and lacks. */
function sortLayout(layout: readonly Named[], tensors: readonly SourceTensor[]) {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const [matched, missing]: [string[], string[]] = [[], []];
  const shapeMismatch: { name: string; expected: readonly number[]; found: readonly number[] }[] = [];
  const modules = new Map<string, { matched: number; total: number }>();
  for (const { name, shape } of layout) {
    const tensor = byName.get(name);
    const module = modules.get(name.split('.')[0]!) ?? { matched: 0, total: 0 };
    modules.set(name.split('.')[0]!, module);
    module.total += 1;
    if (!tensor) missing.push(name);
    else if (tensor.shape.join() === shape.join()) module.matched += matched.push(name) && 1;
    else shapeMismatch.push({ name, expected: shape, found: tensor.shape });
    byName.delete(name);
  }
  return { matched, missing, shapeMismatch, modules: Object.fromEntries(modules), unexpected: [...byName.keys()] };
}

/**
 * Looks in a file for the weights of a config's network, by name and shape, and gives them the network's names.
 *
 * @throws UserError when too little fits, or the weights are of another size: it names the key to set
 */
export async function fitToConfig(
  source: WeightsSource,
  configFile: string,
  branch: Branch | undefined,
): Promise<{ plan: Plan; fit: FitReport }> {
  const { config } = await loadConfig(configFile);
  const { layout } = (await taskOf(config)).network(config, true).parameters;
  const plan = planWeights(source, { branch, target: layoutTarget(layout), network: config.network });
  if (plan.tensors.length === 0) throw new UserError(`${source.file}: has no weights in it`);
  const sorted = sortLayout(layout, plan.tensors);
  const found = { matched: new Set(sorted.matched), reshaped: new Set(sorted.shapeMismatch.map(({ name }) => name)) };
  const problem = misfit({ source, plan, branch, layout, ...found, network: config.network });
  if (problem !== undefined) throw new UserError(`${source.file}: ${problem} (config ${configFile})`);
  const note = channelsNote(recognisedOf({ source, plan, branch }), config.network);
  const renamed = plan.changes.map(({ text }) => text);
  const network = networkText(config.network)!;
  return { plan, fit: { config: configFile, network, renamed, ...sorted, notes: note === undefined ? [] : [note] } };
}

const MOST_SHAPES = 12;

/** A report in a few lines for people. */
export function describeFit(fit: FitReport): string[] {
  const { network, matched, shapeMismatch, missing, unexpected, modules, notes } = fit;
  const total = matched.length + shapeMismatch.length + missing.length;
  const parts = Object.entries(modules).map(([name, { matched: n, total: of }]) => `${name} ${n}/${of}`);
  return [
    `for ${network}: ${matched.length} of ${total} tensors match${fit.renamed.length > 0 ? ` (${fit.renamed.join('; ')})` : ''}`,
    `  ${parts.join(', ')}`,
    ...notes.map((note) => `  ${note}`),
    ...shapeMismatch
      .slice(0, MOST_SHAPES)
      .map(
        ({ name, expected, found }) =>
          `  another shape: ${name} is [${found.join(', ')}], not [${expected.join(', ')}]`,
      ),
    ...(shapeMismatch.length > MOST_SHAPES ? [`  another shape: ${shapeMismatch.length - MOST_SHAPES} more`] : []),
    ...(missing.length > 0 ? [`  not in the file: ${counted(missing.length, 'tensor')} (${byModule(missing)})`] : []),
    ...(unexpected.length > 0
      ? [`  not in the network: ${counted(unexpected.length, 'tensor')} (${byModule(unexpected)})`]
      : []),
  ];
}
