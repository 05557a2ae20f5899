import { UserError } from '../errors/userError';
import type { ParameterSet } from '../nets';
import type { StateEntry } from '../nets/state';
import type { InitReport } from '../runs';
import { matchNames } from './match';
import { readWeights } from './read';
import { rootMeanSquare } from './rootMeanSquare';

interface Target {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * A convolution kernel (out, 1, …) for more input channels: the same kernel for each, divided by their number, so that the
 * response to equal channels stays what it was.
 */
function spread(entry: StateEntry, target: Target): StateEntry | undefined {
  const [from, to] = [entry.shape, target.shape];
  const fits = from.length === 5 && to.length === 5 && from[1] === 1 && to[1]! > 1;
  if (!fits || !(entry.data instanceof Float32Array) || from.some((n, axis) => axis !== 1 && n !== to[axis]))
    return undefined;
  const [outs, channels] = [to[0]!, to[1]!];
  const taps = entry.data.length / outs;
  const data = new Float32Array(outs * channels * taps);
  for (let o = 0; o < outs; o++)
    for (let c = 0; c < channels; c++)
      for (let k = 0; k < taps; k++) data[(o * channels + c) * taps + k] = entry.data[o * taps + k]! / channels;
  return { name: entry.name, shape: to, data };
}

/** The kernel times a factor that brings the root mean square of its values to `rms`. */
function rescale(entry: StateEntry, rms: number): StateEntry {
  if (!(entry.data instanceof Float32Array)) return entry;
  const { data } = entry;
  const now = rootMeanSquare(data);
  return now > 0 ? { ...entry, data: data.map((value) => (value * rms) / now) } : entry;
}

function countModules(layout: readonly Target[], loaded: ReadonlySet<string>): InitReport['modules'] {
  const modules: Record<string, { loaded: number; total: number }> = {};
  for (const { name } of layout) {
    const module = (modules[name.split('.')[0]!] ??= { loaded: 0, total: 0 });
    module.total += 1;
    if (loaded.has(name)) module.loaded += 1;
  }
  return modules;
}

export interface InitializeOptions {
  /** Which network of a pre-training checkpoint. */
  readonly branch: 'student' | 'teacher';
  /**
   * Root mean square to which loaded kernels are scaled where an instance norm follows. The network computes the same, while
   * a step of the optimizer turns a large kernel less than a small one (van Laarhoven 2017). null: as they are.
   */
  readonly kernelScale?: number | null;
}

/**
 * Starts a network from a checkpoint or imported weights, by name and shape; what does not fit keeps its random start, and is
 * in the report.
 *
 * @throws UserError when nothing at all fits, or the file cannot be read
 */
export async function initializeFrom(
  file: string,
  parameters: ParameterSet,
  { branch, kernelScale = null }: InitializeOptions,
): Promise<InitReport> {
  const { wrapper, entries } = await readWeights(file);
  const { layout } = parameters;
  const byName = new Map<string, Target>(layout.map((target) => [target.name, target]));
  const match = matchNames(entries, new Set(byName.keys()), branch);
  const scaleFree = new Set(parameters.all.filter((parameter) => parameter.scaleFree).map(({ name }) => name));
  const adapted: string[] = [];
  const fitted = match.entries.map((entry) => {
    const target = byName.get(entry.name);
    const wider = target && spread(entry, target);
    if (wider) adapted.push(entry.name);
    const fitting = wider ?? entry;
    return kernelScale !== null && scaleFree.has(entry.name) ? rescale(fitting, kernelScale) : fitting;
  });
  const report = parameters.loadStateDict(fitted, { source: file });
  if (report.matched.length === 0) {
    const examples = [entries[0]?.name ?? 'none', layout[0]?.name ?? 'none'];
    throw new UserError(
      `${file}: 0 of ${layout.length} tensors of the network are in this file (it has "${examples[0]}", the network "${examples[1]}"); ` +
        'check init.checkpoint and the network section',
    );
  }
  return {
    file,
    wrapper,
    renamed: match.changes,
    loaded: report.matched,
    adapted,
    ...(kernelScale !== null && {
      rescaled: { rootMeanSquare: kernelScale, tensors: report.matched.filter((name) => scaleFree.has(name)) },
    }),
    shapeMismatch: report.shapeMismatch,
    missing: report.missing,
    unexpected: [...report.unexpected, ...match.others],
    modules: countModules(layout, new Set(report.matched)),
  };
}
