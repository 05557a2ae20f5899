import { settle } from '../schemaTree';
import type { PretrainConfig, PretrainConfigInput } from '../types';
import { configSchema, validate } from '../validate';
import { presets, type Preset, type PresetName } from './definitions';
import { commentedText, inSchemaOrder } from './write';

export type { PresetName } from './definitions';

export const presetNames = Object.keys(presets) as PresetName[];

/** One line on each preset, for lists to choose from. */
export const presetDescriptions: Readonly<Record<PresetName, string>> = Object.fromEntries(
  presetNames.map((name) => [name, presets[name].description]),
) as Record<PresetName, string>;

export interface PresetOptions {
  /** A datalist (`*.json`), a folder, or a pattern with `*`; as it shall stand in the config. */
  readonly data?: string | undefined;
  /** The datalist has held-out cases under this key. */
  readonly validationKey?: string | undefined;
  readonly name?: string | undefined;
}

type SourceInput = PretrainConfigInput['data']['train'][number];

function sourceOf(data: string, key: string): SourceInput {
  if (data.includes('*')) return { glob: data };
  return /\.json$/i.test(data) ? { datalist: data, key } : { folder: data };
}

function complete(name: PresetName, options: PresetOptions): PretrainConfig {
  const preset: Preset = presets[name];
  const data = options.data ?? 'dataset_0.json';
  const validationKey = options.validationKey ?? (preset.hasValidation ? 'validation' : undefined);
  const hasList = /\.json$/i.test(data) && validationKey !== undefined;
  const validation: SourceInput[] = hasList ? [sourceOf(data, validationKey)] : [];
  // A data set without a list of held-out cases still gets a validation curve.
  const fraction = preset.hasValidation && !hasList ? { validationFraction: 0.2 } : {};
  const input: PretrainConfigInput = {
    ...preset.config,
    ...(options.name !== undefined && { name: options.name }),
    kind: 'pretrain',
    data: { ...preset.data, ...fraction, train: [sourceOf(data, 'training')], validation },
  };
  const { config, problems } = validate(input);
  if (!config) throw new Error(`preset ${name}: ${problems.map((problem) => problem.message).join('; ')}`);
  return config;
}

/** The complete config of a preset; its paths are left as given. */
export function presetConfig(name: PresetName, options: PresetOptions = {}): PretrainConfig {
  return complete(name, options);
}

/** The text of a config file for a preset: JSON with a comment on every key. */
export function presetText(name: PresetName, options: PresetOptions = {}): string {
  const { $schema: _, ...config } = complete(name, options);
  const ordered = inSchemaOrder(config, settle(configSchema, config, [])) as Record<string, unknown>;
  return commentedText(ordered, configSchema, [
    presetDescriptions[name],
    'Paths start at the folder of this file. Leaving a key out means its default.',
  ]);
}
