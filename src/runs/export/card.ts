import { statedConfig, validConfig } from '../../config/ofCheckpoint';
import { phasesTitle } from '../../config/phases';
import { downstreamFor } from '../../downstream/descriptors';
import { pretextOfConfig } from '../../pretext/descriptors';
import { resolveTask, type Task } from '../../config/task';
import { knownNetwork, networkText } from '../../nets/descriptors';
import type { Branch } from '../import';
import type { Results } from '../results';
import { formatCount } from '../../text';

/** The content of a model card. */
export interface CardFacts {
  /** The exported file, without its folder. */
  readonly file: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly modules: Readonly<Record<string, { readonly tensors: number; readonly parameters: number }>>;
  /** Texts of the checkpoint: name, kind, step, version, config. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly branch: Branch | null;
  /** Scores at the checkpoint's step, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Versions of the programs that trained it. */
  readonly versions: Readonly<Record<string, string>>;
  readonly results?: Results;
  /** Volumes that it was trained and measured on, where they could be counted. */
  readonly cases?: { readonly train: number; readonly validation: number };
  /** How the file is used, where that is not as a state dict: a sentence, and lines of Python. */
  readonly use?: { readonly text: string; readonly code: readonly string[] };
}

/** Where a value is an absolute path, only its last part: folders of a machine say nothing elsewhere. */
export function withoutFolders(value: unknown): unknown {
  if (typeof value === 'string' && /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(value)) return value.split(/[\\/]/).at(-1) ?? '';
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutFolders(item)]));
}

const rows = (heads: readonly string[], lines: readonly (readonly string[])[]): string[] => [
  `| ${heads.join(' | ')} |`,
  `| ${heads.map(() => '---').join(' | ')} |`,
  ...lines.map((line) => `| ${line.join(' | ')} |`),
];

const number = (value: number | null): string => (value === null || Number.isNaN(value) ? 'n/a' : value.toPrecision(4));

/** The facts about a fine-tuned network, or undefined where the config is not known or of another version. */
function taskOf(metadata: CardFacts['metadata']): Task | undefined {
  const config = validConfig(metadata);
  return config?.kind === 'finetune' && metadata.kind === 'finetune' ? resolveTask(config.task) : undefined;
}

/** What was trained when, of a fine-tuned network. */
function scheduleOf(metadata: CardFacts['metadata']): string | undefined {
  const config = validConfig(metadata);
  return config?.kind === 'finetune' && metadata.kind === 'finetune' ? phasesTitle(config) : undefined;
}

function kindOf(metadata: CardFacts['metadata']): string {
  if (metadata.kind === 'pretrain') {
    const credit = pretextOfConfig(statedConfig(metadata))?.credit;
    return `Encoder weights from self-supervised pre-training${credit === undefined ? '' : ` ${credit}`}`;
  }
  if (metadata.kind !== 'finetune') return 'Weights of a network for 3D medical images';
  const task = taskOf(metadata);
  const what = task ? downstreamFor(task.output).networkTitle : 'A network';
  return `${what}, fine-tuned on labelled volumes`;
}

function about({ metadata, branch, tensors, parameters, modules }: CardFacts): string[] {
  const config = statedConfig(metadata);
  const task = taskOf(metadata);
  const facts: [string, string | undefined][] = [
    ['Task', task?.title],
    ['Classes', task?.classes.map(({ name }) => name).join(', ')],
    ['Network', networkText(config?.network)],
    ['Branch', branch ?? undefined],
    ['Fine-tuning schedule', scheduleOf(metadata)],
    ['Optimizer steps', metadata.step],
    ['Tensors', String(tensors)],
    ['Parameters', formatCount(parameters)],
    ['Modules', Object.keys(modules).join(', ')],
  ];
  const known = facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return [`${kindOf(metadata)}.`, '', ...rows(['', ''], known)];
}

function data({ cases, metadata }: CardFacts): string[] {
  const config = withoutFolders(statedConfig(metadata)) as { data?: { train?: unknown } } | undefined;
  const sources = config?.data?.train;
  const counts = cases
    ? `${cases.train} volumes to train on, ${cases.validation} held out.`
    : 'The volumes could not be read when this card was written, so they are not counted.';
  return ['## Data', '', counts, ...(sources ? ['', `Sources: \`${JSON.stringify(sources)}\``] : [])];
}

function scores({ metrics, results }: CardFacts): string[] {
  const lines = Object.entries(metrics).map(([name, value]) => [name, number(value)]);
  const measured = results?.classification?.length ?? results?.cases.length ?? 0;
  const summary = Object.entries(results?.classification ? (results.summary?.overall ?? {}) : {});
  const overall = summary.map(([name, { mean, low, high }]) => [
    name,
    `${number(mean)} (${number(low)} to ${number(high)})`,
  ]);
  const organs = results?.summary?.classes.map(({ name, scores: of }) => [
    name,
    ...Object.values(of).map(({ mean, low, high }) => `${number(mean)} (${number(low)} to ${number(high)})`),
  ]);
  const names = Object.keys(results?.summary?.classes[0]?.scores ?? {});
  return [
    '## Scores',
    '',
    ...(lines.length > 0 ? rows(['at this step', 'value'], lines) : ['No scores were recorded.']),
    ...(organs && organs.length > 0
      ? ['', `Over ${measured} cases, mean (95 % interval):`, '', ...rows(['class', ...names], organs)]
      : []),
    ...(overall.length > 0
      ? ['', `Over ${measured} cases:`, '', ...rows(['score', 'mean (95 % interval)'], overall)]
      : []),
  ];
}

/** Whose names the tensors have, and what they load into. */
function namesOf(metadata: CardFacts['metadata'], encoder: boolean): string {
  const facts = knownNetwork(statedConfig(metadata)?.network)?.descriptor.stateDict;
  const whose = facts ? `those of ${facts.namesOf}` : 'those of the file that was exported';
  if (encoder) {
    return `Names are ${whose}; a segmentation network loads its encoder from here, and its decoder starts with random weights.`;
  }
  const task = taskOf(metadata);
  const beside = task && downstreamFor(task.output).besideEncoder;
  if (beside !== undefined) return `Names of the encoder are ${whose}; ${beside}.`;
  return `Names are ${whose}, all of them${facts?.loadsStrictly ? ': it loads strictly' : ''}.`;
}

function usage({ file, metadata, branch, use }: CardFacts): string[] {
  if (use) return ['## Use', '', use.text, '', '```python', ...use.code, '```'];
  const load = /\.pth?$/.test(file)
    ? [`state = torch.load("${file}", map_location="cpu")`]
    : ['from safetensors.torch import load_file', `state = load_file("${file}")`];
  const encoder = branch !== null || metadata.kind === 'pretrain';
  return [
    '## Use',
    '',
    namesOf(metadata, encoder),
    '',
    '```python',
    ...load,
    `network.load_state_dict(state${encoder ? ', strict=False' : ''})`,
    '```',
  ];
}

/** A model card in Markdown: what the weights are, from which data and config, their scores, and how to load them. */
export function modelCard(facts: CardFacts): string {
  const { metadata, versions, file } = facts;
  const config = statedConfig(metadata);
  const used = Object.entries({ ...(metadata.version && { voco: metadata.version }), ...versions });
  const sections = [
    [`# ${metadata.name ?? file}`, '', ...about(facts)],
    data(facts),
    scores(facts),
    ['## Versions', '', used.map(([name, version]) => `${name} ${version}`).join(', ') || 'Not recorded.'],
    usage(facts),
    ...(config ? [['## Config', '', '```json', JSON.stringify(withoutFolders(config), null, 2), '```']] : []),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
