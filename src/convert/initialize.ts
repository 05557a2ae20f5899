import { UserError } from '../errors/userError';
import type { AnyNetwork, ParameterSet } from '../nets';
import { describedSection } from '../nets/descriptors';
import type { StateEntry } from '../nets/state';
import { viewAs, type InitReport } from '../runs';
import {
  alternativesText,
  besideText,
  branchTitle,
  isOptimizer,
  layoutTarget,
  planWeights,
  type Branch,
  type Plan,
  type WeightsSource,
} from '../runs/import';
import { preparedOtherwise } from './prepared';
import { placed } from './positions';
import { asWeights, openConverted, refuseNonFinite } from './read';
import { rootMeanSquare } from './rootMeanSquare';
import { channelsNote, misfit, recognisedOf, type Match } from './verdict';

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
  readonly branch: Branch;
  /** The config's `network` section: weights of another size, or mostly of another network, are refused then. */
  readonly network?: AnyNetwork;
  /** What is taken over: all that fits (default), or the encoder alone. */
  readonly parts?: 'all' | 'encoder' | undefined;
  /** Take what fits of such weights all the same. */
  readonly partial?: boolean;
  /** What becomes of first-layer kernels for one channel where the network has more: see {@link spread}. Default: repeat. */
  readonly inputChannels?: 'repeat' | 'random';
  /** The config's `data.preprocess`: what differs from what the weights have seen is told. */
  readonly preprocess?: object;
  /**
   * Root mean square to which loaded kernels are scaled where an instance norm follows. The network computes the same, while
   * a step of the optimizer turns a large kernel less than a small one (van Laarhoven 2017). null: as they are.
   */
  readonly kernelScale?: number | null;
}

/**
 * What a downstream network takes over of a file: no last layer of a pre-training, whose outputs mean something else, and no
 * decoder where the encoder alone is asked for.
 */
function handedOn(
  source: WeightsSource,
  plan: Plan,
  { network, parts }: Pick<InitializeOptions, 'network' | 'parts'>,
): Plan {
  if (!network) return plan;
  const { encoder, output } = describedSection(network).descriptor.stateDict;
  const { format, kind = 'pretrain' } = source.metadata;
  const pretrained = format === 'voco-checkpoint' && kind === 'pretrain';
  const taken = ({ name }: { name: string }): boolean =>
    parts === 'encoder' ? encoder.test(name) : !(pretrained && output.test(name));
  return { ...plan, tensors: plan.tensors.filter(taken) };
}

/** The network's tensors of a file, in types that weights can have, fitted to its input channels and its grid of positions. */
async function readEntries(
  { source: { file, metadata }, plan }: Opened,
  layout: readonly Target[],
  { inputChannels = 'repeat', network }: Pick<InitializeOptions, 'inputChannels' | 'network'>,
): Promise<{ entries: StateEntry[]; adapted: string[]; notes: string[] }> {
  const byName = new Map(layout.map((target) => [target.name, target]));
  const [entries, adapted, notes]: [StateEntry[], string[], string[]] = [[], [], []];
  for (const { name, dtype, shape, read } of plan.tensors) {
    const target = byName.get(name);
    const data = target && asWeights(dtype, viewAs(dtype, await read()));
    if (!target || !data) continue;
    refuseNonFinite(file, name, data);
    const entry = { name, shape, data };
    const wider = inputChannels === 'repeat' ? spread(entry, target) : undefined;
    if (wider) adapted.push(name);
    const elsewhere = placed(metadata, entry, target.shape, network);
    if (elsewhere) notes.push(elsewhere.note);
    entries.push(wider ?? elsewhere?.entry ?? entry);
  }
  return { entries, adapted, notes };
}

/** What the file has and the network has not; an optimizer's numbers are not told. */
function unexpectedOf({ tensors, others }: Plan, layout: readonly Target[]): string[] {
  const names = new Set(layout.map(({ name }) => name));
  const extra = tensors.flatMap(({ name }) => (names.has(name) ? [] : [name]));
  return [...extra, ...others.filter((name) => !isOptimizer(name.split('.')))];
}

function notesOf(
  match: Match | undefined,
  { source, plan }: Opened,
  { preprocess = {}, inputChannels }: Pick<InitializeOptions, 'preprocess' | 'inputChannels'>,
): string[] {
  const channels = match && channelsNote(recognisedOf(match), match.network, inputChannels);
  const otherwise = preparedOtherwise(source.metadata, preprocess);
  const apart = besideText(plan.beside);
  return [
    ...(source.plan === undefined ? [] : [source.plan]),
    ...(channels === undefined ? [] : [channels]),
    ...(otherwise === undefined ? [] : [otherwise]),
    ...alternativesText(plan.alternatives, (one) => `init.branch ${JSON.stringify(one)}`),
    ...(apart ? [`beside the weights, not taken: ${apart}`] : []),
  ];
}

interface Opened {
  readonly source: WeightsSource;
  readonly plan: Plan;
}

/**
 * Checks that weights may start a network, without reading one of them: before a run directory is made, that is.
 *
 * @param layout the network's tensors
 * @returns the names of tensors that are taken over as they are
 * @throws UserError as {@link initializeFrom}
 */
export async function checkWeights(
  file: string,
  layout: readonly Target[],
  {
    branch,
    network,
    parts,
    partial = false,
  }: Required<Pick<InitializeOptions, 'branch' | 'network'>> & InitializeOptions,
): Promise<ReadonlySet<string>> {
  const source = await openConverted(file);
  try {
    const side = branch === 'student' ? undefined : branch;
    const plan = handedOn(source, planWeights(source, { branch: side, target: layoutTarget(layout) }), {
      network,
      parts,
    });
    const byName = new Map(plan.tensors.map(({ name, shape }) => [name, shape.join()]));
    const fits = layout.map(({ name, shape }) => ({ name, found: byName.get(name), own: shape.join() }));
    const matched = new Set(fits.filter(({ found, own }) => found === own).map(({ name }) => name));
    const reshaped = new Set(fits.filter(({ found, own }) => found && found !== own).map(({ name }) => name));
    refuseMisfit({ source, plan, branch: side, layout, matched, reshaped, network }, partial);
    return matched;
  } finally {
    await source.close();
  }
}

/** @returns why the weights would be refused, where they are taken all the same */
function refuseMisfit(match: Match, partial: boolean): string | undefined {
  const problem = misfit(match);
  const some = match.matched.size > 0;
  if (problem !== undefined && !(partial && some))
    throw new UserError(`${match.source.file}: ${problem}${some ? ' (init.partial takes what fits)' : ''}`);
  return problem;
}

/** What kind of file weights come from, for people. */
export function wrapperText({ format, metadata }: Pick<WeightsSource, 'format' | 'metadata'>): string {
  if (metadata.format !== 'voco-checkpoint') return format === 'safetensors' ? 'safetensors file' : format;
  return `checkpoint of a ${metadata.kind ?? 'training'} run, step ${metadata.step}`;
}

/**
 * Starts a network from a checkpoint or imported weights, by name and shape; what does not fit keeps its random start, and is
 * in the report.
 *
 * @throws UserError when nothing at all fits, when the weights are of another size or mostly of another network (not with
 * `partial`), or when the file cannot be read
 */
export async function initializeFrom(
  file: string,
  parameters: ParameterSet,
  options: InitializeOptions,
): Promise<InitReport> {
  const source = await openConverted(file);
  try {
    const target = layoutTarget(parameters.layout);
    // The student is the default, which a file that has only another network need not have.
    const branch = options.branch === 'student' ? undefined : options.branch;
    return await load(
      { source, plan: handedOn(source, planWeights(source, { branch, target }), options) },
      parameters,
      options,
    );
  } finally {
    await source.close();
  }
}

async function load(
  { source, plan }: Opened,
  parameters: ParameterSet,
  options: InitializeOptions,
): Promise<InitReport> {
  const { branch, kernelScale = null, network, partial = false } = options;
  const { file } = source;
  const { layout } = parameters;
  const { entries, adapted, notes } = await readEntries({ source, plan }, layout, options);
  const scaleFree = new Set(parameters.all.filter((parameter) => parameter.scaleFree).map(({ name }) => name));
  const shapes = new Map(layout.map(({ name, shape }) => [name, shape.join()]));
  const matched = new Set(
    entries.filter(({ name, shape }) => shapes.get(name) === shape.join()).map(({ name }) => name),
  );
  const reshaped = new Set(entries.filter(({ name }) => !matched.has(name)).map(({ name }) => name));
  const side = branch === 'student' ? undefined : branch;
  const match = network && { source, plan, branch: side, layout, matched, reshaped, network };
  const problem = match && refuseMisfit(match, partial);
  if (matched.size === 0) throw new UserError(nothingFits(file, plan, layout));
  const fitted =
    kernelScale === null
      ? entries
      : entries.map((entry) => (scaleFree.has(entry.name) ? rescale(entry, kernelScale) : entry));
  const report = parameters.loadStateDict(fitted, { source: file });
  return {
    file,
    wrapper: [wrapperText(source), ...(plan.branch ? [`the ${branchTitle(plan.branch)}`] : [])].join(', '),
    renamed: plan.changes.map(({ text }) => text),
    loaded: report.matched,
    adapted,
    ...(kernelScale !== null && {
      rescaled: { rootMeanSquare: kernelScale, tensors: report.matched.filter((name) => scaleFree.has(name)) },
    }),
    shapeMismatch: report.shapeMismatch,
    missing: report.missing,
    unexpected: unexpectedOf(plan, layout),
    modules: countModules(layout, new Set(report.matched)),
    notes: [
      ...(problem === undefined ? [] : [`taken with init.partial: ${problem}`]),
      ...notes,
      ...notesOf(match, { source, plan }, options),
    ],
  };
}

function nothingFits(file: string, plan: Plan, layout: readonly Target[]): string {
  const [theirs, ours] = [plan.tensors[0]?.name ?? 'none', layout[0]?.name ?? 'none'];
  return (
    `${file}: 0 of ${layout.length} tensors of the network are in this file (it has "${theirs}", the network "${ours}"); ` +
    'check init.checkpoint and the network section'
  );
}
