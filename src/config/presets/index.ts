import { settle } from '../../schema/tree';
import type { Config, FinetuneConfig, PretrainConfig } from '../types';
import { configSchema, validate } from '../validate';
import { pretextDescriptors, type OwnPresetName } from '../../pretext/descriptors';
import type { PretextPreset } from '../../tasks/descriptor';
import { finetunePresets, type FinetunePreset } from './finetune';
import { commentedText, inSchemaOrder } from './write';

type PretextPresetName = OwnPresetName & string;

export type PresetName = PretextPresetName | keyof typeof finetunePresets;

type ConfigOfPreset<N extends PresetName> = N extends keyof typeof finetunePresets ? FinetuneConfig : PretrainConfig;

type AnyPreset = PretextPreset | FinetunePreset;

/** Those of the pretext tasks first, in the order of the tasks. */
const presets: Readonly<Record<PresetName, AnyPreset>> = {
  ...(Object.assign({}, ...pretextDescriptors.all.map((task) => task.presets)) as Record<PretextPresetName, AnyPreset>),
  ...finetunePresets,
};

export const presetNames = Object.keys(presets) as PresetName[];

/** One line on each preset, for lists to choose from. */
export const presetDescriptions: Readonly<Record<PresetName, string>> = Object.fromEntries(
  presetNames.map((name) => [name, presets[name].description]),
) as Record<PresetName, string>;

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

function complete<N extends PresetName>(name: N, options: PresetOptions): ConfigOfPreset<N> {
  const preset = presets[name];
  const { found } = options;
  const data = options.data ?? ('list' in preset && preset.list ? preset.list : 'dataset_0.json');
  const usualKey = options.validationKey ?? (preset.hasValidation ? 'validation' : undefined);
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
  const splits = preset.hasValidation === true || 'folds' in preset;
  const fraction = splits && validation.length === 0 ? { validationFraction: 0.2 } : {};
  const train = { ...sourceOf(data, key, options), ...(folds && { folds: [...folds.train] }) };
  const input = {
    ...preset.config,
    ...(options.name !== undefined && { name: options.name }),
    kind: Object.hasOwn(finetunePresets, name) ? 'finetune' : 'pretrain',
    data: { ...preset.data, ...fraction, train: [train], validation },
  };
  const { config, problems } = validate(input);
  if (!config) throw new Error(`preset ${name}: ${problems.map((problem) => problem.message).join('; ')}`);
  return config as ConfigOfPreset<N>;
}

/** The complete config of a preset; its paths are left as given. */
export function presetConfig<N extends PresetName>(name: N, options: PresetOptions = {}): ConfigOfPreset<N> {
  return complete(name, options);
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
