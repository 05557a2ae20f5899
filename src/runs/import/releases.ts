import { valueText } from '../../text';
import type { Plan } from './plan';
import type { Preparation } from './preparation';
import type { WeightsSource } from './source';

/** Weights that one project has released, whose files do not say how images were prepared. */
interface Release {
  readonly title: string;
  /** The section of its network, as far as that tells it from others. */
  readonly section: Readonly<Record<string, unknown>>;
  /** Fits the name in the file of some tensor, where the section alone does not tell it. */
  readonly names?: RegExp;
  readonly preprocess: Preparation['preprocess'];
}

const window = (low: number, high: number) => ({ kind: 'window', low, high, to: [0, 1], clip: true });

/** Figures of the projects' own code. */
const RELEASES: readonly Release[] = [
  {
    title: 'CT-FM (project-lighter/CT-FM)',
    section: { name: 'segresnet', variant: 'ct-fm', initFilters: 32, blocksDown: [1, 2, 2, 4, 4], inChannels: 1 },
    preprocess: { orientation: 'SPL', intensity: window(-1024, 2048) },
  },
  {
    title: 'SuPreM (MrGiovanni/SuPreM)',
    section: { name: 'segresnet', variant: 'suprem', initFilters: 16, blocksDown: [1, 2, 2, 4], inChannels: 1 },
    names: /^net\.module\./,
    preprocess: { intensity: window(-175, 250) },
  },
  {
    title: 'MONAI’s model_swinvit (research-contributions, SwinUNETR/Pretrain)',
    section: { name: 'swin-unetr', featureSize: 48, useV2: false, inChannels: 1 },
    names: /(^|\.)module\.patch_embed\./,
    preprocess: { spacing: [1.5, 1.5, 2], intensity: window(-1000, 1000) },
  },
];

/** How the images of a known release were prepared; undefined of other files. */
export function releasePreparation({ recognised, choice }: Plan, { tensors }: WeightsSource): Preparation | undefined {
  const section = recognised?.section;
  if (!section) return undefined;
  const isSame = ([key, value]: [string, unknown]): boolean => valueText(section[key]) === valueText(value);
  const found = RELEASES.find(
    ({ section: wanted, names }) =>
      Object.entries(wanted).every(isSame) && (!names || choice.members.some((i) => names.test(tensors[i]!.name))),
  );
  if (!found) return undefined;
  return {
    preprocess: found.preprocess,
    notes: [`that is of the code of ${found.title}, whose weights these look like: the file does not say it`],
  };
}
