import { UsageError } from '../../errors/userError';
import type { PresetSize, PresetTraining } from '../../nets/descriptor';
import { defaultNetwork, networkDescriptors } from '../../nets/descriptors';
import type { Problem } from '../../schema';
import { formatPath, settle } from '../../schema/tree';
import { check } from '../diagnose';
import type { Config, FinetuneConfig, PretrainConfig } from '../types';
import { configSchema, validate } from '../validate';
import { pretextDescriptors, type OwnPresetName, type PretextName } from '../../pretext/descriptors';
import type { PretextDescriptor, PretextPreset } from '../../tasks/descriptor';
import { applyOverride } from '../overrides';
import { finetunePresets, type FinetunePreset } from './finetune';
import { unfitness, withCheckpoint, type CheckpointStart } from './from';
import { mriPresets } from './mri';
import { scheduleSection } from './schedules';
import { commentedText, inSchemaOrder } from './write';

type PretextPresetName = (OwnPresetName & string) | `${PretextName}-mri`;

export type PresetName = PretextPresetName | keyof typeof finetunePresets;

type ConfigOfPreset<N extends PresetName> = N extends keyof typeof finetunePresets ? FinetuneConfig : PretrainConfig;

type AnyPreset = PretextPreset | FinetunePreset;

/** The presets of a pretext task, the one for MRI last. */
const ofTask = (task: PretextDescriptor) => ({ ...task.presets, ...mriPresets([task]) });

/** Those of the pretext tasks first, in the order of the tasks. */
const presets: Readonly<Record<PresetName, AnyPreset>> = {
  ...(Object.assign({}, ...pretextDescriptors.all.map(ofTask)) as Record<PretextPresetName, AnyPreset>),
  ...finetunePresets,
};

const isFinetune = (name: PresetName): boolean => Object.hasOwn(finetunePresets, name);

export const presetNames = Object.keys(presets) as PresetName[];

/** One line on each preset, for lists to choose from. */
export const presetDescriptions: Readonly<Record<PresetName, string>> = Object.fromEntries(
  presetNames.map((name) => [name, presets[name].description]),
) as Record<PresetName, string>;

/** The presets as a list shows them: those of each pretext task, then those of fine-tuning. */
export function presetGroups(): { readonly title: string; readonly presets: readonly PresetName[] }[] {
  const named = (own: Readonly<Record<string, unknown>>): PresetName[] => Object.keys(own) as PresetName[];
  return [
    ...pretextDescriptors.all.map((task) => ({ title: `${task.name}: ${task.title}`, presets: named(ofTask(task)) })),
    { title: 'Fine-tuning', presets: named(finetunePresets) },
  ];
}

interface FoundData {
  readonly list: boolean;
  readonly keys?: readonly string[];
  readonly folds?: boolean;
}

export interface PresetOptions {
  /** A list of cases (`*.json`, `*.csv`, …), a folder, or a pattern with `*`, as written into the config. */
  readonly data?: string | undefined;
  /** What was found there: whether it is a list, the lists inside, and whether entries say their fold. */
  readonly found?: FoundData | undefined;
  /** Of data with several channels in a file each: which to take. */
  readonly channel?: number | undefined;
  /** The datalist has held-out cases under this key. */
  readonly validationKey?: string | undefined;
  readonly name?: string | undefined;
  /** Another network than the preset's, of the size that the preset is meant for. */
  readonly network?: string | undefined;
  /** Of a fine-tuning, another schedule than the preset's. */
  readonly schedule?: string | undefined;
  /** Of a fine-tuning, the checkpoint that it starts from: its network, and what belongs to it. */
  readonly from?: CheckpointStart | undefined;
}

type SourceInput = ({ glob: string } | { folder: string } | { datalist: string; key: string }) & {
  folds?: number[];
  channel?: number;
};

const LIST = /\.(jsonl?|csv|tsv|txt|lst|list)$/i;

function sourceOf(data: string, key: string, { found, channel }: PresetOptions): SourceInput {
  const taken = channel !== undefined && { channel };
  if (!found && data.includes('*')) return { glob: data, ...taken };
  return (found?.list ?? LIST.test(data)) ? { datalist: data, key, ...taken } : { folder: data, ...taken };
}

/** The list to train on: the usual one, unless others alone are there. */
function trainingKey({ found }: PresetOptions): string {
  const keys = found?.keys ?? [];
  return keys.length === 0 || keys.includes('training') ? 'training' : keys[0]!;
}

/** A preset's sections with another network, and a size of crops that it can take. */
function withNetwork(preset: AnyPreset, name: string | undefined): AnyPreset['config'] {
  const own = preset.config as {
    readonly method?: object;
    readonly network?: { readonly name?: string; readonly inChannels?: number };
  };
  if (name === undefined || name === (own.network?.name ?? defaultNetwork())) return preset.config;
  const descriptor = networkDescriptors.get(name);
  const size = sizeOf(preset);
  const channels = own.network?.inChannels;
  const network = { name, ...descriptor.sizes[size], ...(channels !== undefined && { inChannels: channels }) };
  return { ...preset.config, ...trainingOf(preset, descriptor.training, size), network } as AnyPreset['config'];
}

/** The presets of fine-tuning are of the size that authors publish. */
const sizeOf = (preset: AnyPreset): PresetSize => ('size' in preset ? preset.size : 'full');

const optimizerOf = ({ optimizer, lr }: PresetTraining, size: PresetSize): object => ({ ...optimizer, lr: lr[size] });

/** How the authors of the network train it, in a preset that was made for another one. */
function trainingOf(preset: AnyPreset, training: PresetTraining | undefined, size: PresetSize): object {
  if (!training) return {};
  const { schedule, train } = preset.config as {
    readonly schedule?: { readonly name?: string; readonly warmupSteps?: number };
    readonly train?: { readonly steps?: number };
  };
  // A constant rate has no warm-up.
  const name = schedule?.name === 'constant' ? 'poly' : schedule?.name;
  const warmupSteps = schedule?.warmupSteps || Math.round(training.warmup * (train?.steps ?? 0));
  return {
    optimizer: optimizerOf(training, size),
    schedule: { ...schedule, ...(name !== undefined && { name }), ...(warmupSteps > 0 && { warmupSteps }) },
  };
}

/** A preset's sections with another fine-tuning schedule. @throws UsageError for a preset of pre-training */
function withSchedule(name: PresetName, config: AnyPreset['config'], schedule: string | undefined) {
  if (schedule === undefined) return config;
  if (!isFinetune(name)) throw new UsageError(`the preset ${name} pre-trains; schedules are of fine-tunings`);
  const own = (config as { readonly schedule?: Readonly<Record<string, unknown>> }).schedule;
  return { ...config, schedule: scheduleSection(schedule, own) };
}

/** A preset with what a checkpoint brings. @throws UsageError where they do not go together */
function startedFrom(name: PresetName, preset: AnyPreset, from: CheckpointStart | undefined): AnyPreset {
  if (!from) return preset;
  if (!isFinetune(name)) throw new UsageError(`the preset ${name} pre-trains; a fine-tuning starts from a checkpoint`);
  const flat = { ...preset.config, data: preset.data };
  const problem = unfitness(flat, from);
  if (problem !== undefined)
    throw new UsageError(`the preset ${name} does not fit ${from.checkpoint}: ${problem}; those that do: ${presetsFrom(from).join(', ')}`); // prettier-ignore
  const { data, ...config } = withCheckpoint(flat, from);
  const { training } = networkDescriptors.get(from.network.name);
  const optimizer = training && optimizerOf(training, sizeOf(preset));
  return { ...preset, config: { ...config, ...(optimizer && { optimizer }) }, data } as AnyPreset;
}

/** The presets of fine-tuning that fit a checkpoint. */
export const presetsFrom = (from: CheckpointStart): PresetName[] =>
  (Object.keys(finetunePresets) as (keyof typeof finetunePresets)[]).filter((name) => {
    const { config, data }: FinetunePreset = finetunePresets[name];
    return unfitness({ ...config, data } as Parameters<typeof unfitness>[0], from) === undefined;
  });

/**
 * The input with the nearest size of crops that its network can take, where the preset's is none.
 *
 * @throws UsageError where there is none, or the network cannot learn the task
 */
function fitSizes(input: Record<string, unknown>): Record<string, unknown> {
  const fixed = structuredClone(input);
  for (const { path, fix } of networkProblems(input)) {
    // Another network is not what was asked for.
    if (!fix || !('value' in fix) || formatPath(path) === 'network.name') continue;
    applyOverride(fixed, { path: fix.path, value: fix.value, text: '' }, configSchema());
  }
  const [left] = networkProblems(fixed);
  if (left) throw new UsageError(`${formatPath(left.path)}: ${left.message}`);
  return fixed;
}

/** Why a network cannot take what a config gives it. */
const networkProblems = (input: unknown): Problem[] =>
  check(input).problems.filter(
    ({ severity, path }) => severity === 'error' && ['method', 'crops', 'network'].includes(String(path[0])),
  );

function complete<N extends PresetName>(name: N, options: PresetOptions): ConfigOfPreset<N> {
  const preset = presets[name];
  const { found } = options;
  const data = options.data ?? ('list' in preset && preset.list ? preset.list : 'dataset_0.json');
  const listed = preset.hasValidation === true || ('splits' in preset && found?.keys?.includes('validation'));
  const usualKey = options.validationKey ?? (listed ? 'validation' : undefined);
  // Of data that were looked at, only lists that are there.
  const validationKey = !found?.keys || found.keys.includes(usualKey ?? '') ? usualKey : undefined;
  const isList = /\.json$/i.test(data);
  const hasFolds = isList && options.validationKey === undefined && found?.folds !== false;
  const folds = hasFolds && 'folds' in preset ? preset.folds : undefined;
  const hasList = isList && validationKey !== undefined;
  const key = trainingKey(options);
  const validation: SourceInput[] = folds
    ? [{ ...sourceOf(data, key, options), folds: [...folds.validation] }]
    : hasList
      ? [sourceOf(data, validationKey, options)]
      : [];
  // A data set without a list of held-out cases still gets a validation curve.
  const splits = preset.hasValidation === true || 'folds' in preset || 'splits' in preset;
  const fraction = splits && validation.length === 0 ? { validationFraction: 0.2 } : {};
  const train = { ...sourceOf(data, key, options), ...(folds && { folds: [...folds.train] }) };
  const taken = startedFrom(name, preset, options.from);
  const input = {
    ...withSchedule(name, withNetwork(taken, options.network), options.schedule),
    ...(options.name !== undefined && { name: options.name }),
    kind: isFinetune(name) ? 'finetune' : 'pretrain',
    data: { ...taken.data, ...fraction, train: [train], validation },
  };
  const asIs = options.network === undefined && options.from === undefined;
  const { config, problems } = validate(asIs ? input : fitSizes(input));
  if (!config) throw new Error(`preset ${name}: ${problems.map((problem) => problem.message).join('; ')}`);
  return config as ConfigOfPreset<N>;
}

/** The complete config of a preset; its paths are left as given. */
export function presetConfig<N extends PresetName>(name: N, options: PresetOptions = {}): ConfigOfPreset<N> {
  return complete(name, options);
}

/** The presets of a pretext task, its usual one first. @throws UserError where there is no such task */
export function presetsOfTask(task: string): PresetName[] {
  return Object.keys(ofTask(pretextDescriptors.get(task))) as PresetName[];
}

/**
 * The preset of a task by its whole name, or by what comes after the task's: "small" for "mae-small".
 *
 * @throws UsageError naming those that there are
 */
export function presetOfTask(task: string, name?: string): PresetName {
  const own = presetsOfTask(task);
  const found = name === undefined ? own[0] : own.find((preset) => preset === name || preset === `${task}-${name}`);
  if (found) return found;
  throw new UsageError(`the presets of ${task} are ${own.join(', ')}, not "${name}"`);
}

/** The text of a config file for a preset: JSON with a comment on every key. */
export function presetText(name: PresetName, options: PresetOptions = {}): string {
  const { $schema: _, ...config }: Config = complete(name, options);
  const ordered = inSchemaOrder(config, settle(configSchema(), config, [])) as Record<string, unknown>;
  return commentedText(ordered, configSchema(), [
    presetDescriptions[name],
    'Paths start at the folder of this file. A key that is left out has its default.',
  ]);
}
