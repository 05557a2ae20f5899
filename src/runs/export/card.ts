import type { Results } from '../results';

/** What a model card tells. */
export interface CardFacts {
  /** The exported file, without its folder. */
  readonly file: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly modules: Readonly<Record<string, { readonly tensors: number; readonly parameters: number }>>;
  /** Texts of the checkpoint: name, kind, step, version, config. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly branch: 'student' | 'teacher' | null;
  /** Scores at the checkpoint's step, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Versions of the programs that trained it. */
  readonly versions: Readonly<Record<string, string>>;
  readonly results?: Results;
  /** Volumes that it was trained and measured on, where they could be counted. */
  readonly cases?: { readonly train: number; readonly validation: number };
}

/** Where a value is an absolute path, only its last part: folders of a machine say nothing elsewhere. */
export function withoutFolders(value: unknown): unknown {
  if (typeof value === 'string' && /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(value)) return value.split(/[\\/]/).at(-1) ?? '';
  if (Array.isArray(value)) return value.map(withoutFolders);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutFolders(item)]));
}

/** A checkpoint's config, or undefined where it has none. */
export function configOf(metadata: CardFacts['metadata']): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(metadata.config ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const rows = (heads: readonly string[], lines: readonly (readonly string[])[]): string[] => [
  `| ${heads.join(' | ')} |`,
  `| ${heads.map(() => '---').join(' | ')} |`,
  ...lines.map((line) => `| ${line.join(' | ')} |`),
];

const number = (value: number | null): string => (value === null || Number.isNaN(value) ? 'n/a' : value.toPrecision(4));

const KINDS: Record<string, string> = {
  pretrain: 'Encoder weights from self-supervised pre-training with VoCo (volume contrast, CVPR 2024)',
  finetune: 'A segmentation network, fine-tuned on labelled volumes',
};

function about({ metadata, branch, tensors, parameters, modules }: CardFacts): string[] {
  const config = configOf(metadata);
  const network = config?.network as { name?: string; featureSize?: number } | undefined;
  const facts: [string, string | undefined][] = [
    ['Network', network && `${network.name}, feature size ${network.featureSize}`],
    ['Branch', branch ?? undefined],
    ['Optimizer steps', metadata.step],
    ['Tensors', String(tensors)],
    ['Parameters', parameters.toLocaleString('en')],
    ['Modules', Object.keys(modules).join(', ')],
  ];
  const known = facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return [
    `${KINDS[metadata.kind ?? ''] ?? 'Weights of a network for 3D medical images'}.`,
    '',
    ...rows(['', ''], known),
  ];
}

function data({ cases, metadata }: CardFacts): string[] {
  const config = withoutFolders(configOf(metadata)) as { data?: { train?: unknown } } | undefined;
  const sources = config?.data?.train;
  const counts = cases
    ? `${cases.train} volumes to train on, ${cases.validation} held out.`
    : 'The volumes were not at hand when this card was written, and are not counted.';
  return ['## Data', '', counts, ...(sources ? ['', `Sources: \`${JSON.stringify(sources)}\``] : [])];
}

function scores({ metrics, results }: CardFacts): string[] {
  const lines = Object.entries(metrics).map(([name, value]) => [name, number(value)]);
  const measured = results?.cases.length ?? 0;
  const organs = results?.summary?.classes.map(({ name, scores: of }) => [
    name,
    ...Object.values(of).map(({ mean, low, high }) => `${number(mean)} (${number(low)} to ${number(high)})`),
  ]);
  const names = Object.keys(results?.summary?.classes[0]?.scores ?? {});
  return [
    '## Scores',
    '',
    ...(lines.length > 0 ? rows(['at this step', 'value'], lines) : ['None were recorded.']),
    ...(organs && organs.length > 0
      ? ['', `Over ${measured} cases, mean (95 % interval):`, '', ...rows(['class', ...names], organs)]
      : []),
  ];
}

function usage({ file, metadata, branch }: CardFacts): string[] {
  const load = file.endsWith('.pt')
    ? [`state = torch.load("${file}", map_location="cpu")`]
    : ['from safetensors.torch import load_file', `state = load_file("${file}")`];
  const encoder = branch !== null || metadata.kind === 'pretrain';
  const names = encoder
    ? 'Names are those of MONAI’s networks; a segmentation network takes its encoder from here and starts its decoder anew.'
    : 'Names are those of MONAI’s networks, all of them: it loads strictly.';
  return [
    '## Use',
    '',
    names,
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
  const config = configOf(metadata);
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
