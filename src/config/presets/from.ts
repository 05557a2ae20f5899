import { describedSection } from '../../nets/descriptors';
import type { NetworkSection } from '../../nets/descriptor';
import type { Vec3 } from '../../geometry';

type Section = Readonly<Record<string, unknown>>;

/** What a fine-tuning takes over of a checkpoint besides the weights. */
export interface CheckpointStart {
  /** The file, as written into the config. */
  readonly checkpoint: string;
  /** The section `network` of its weights. */
  readonly network: NetworkSection;
  /** The size of what passed through the network, voxels; undefined where it is not known. */
  readonly size?: Vec3 | undefined;
  /** Keys of `data.preprocess` with which images were prepared; undefined where they are not known. */
  readonly preprocess?: Section | undefined;
}

/** A config of a fine-tuning as a preset has it. */
interface Input {
  readonly network?: Section;
  readonly crops?: Section;
  readonly init?: Section;
  readonly data?: Section & { readonly preprocess?: Section };
}

/** Presets of CT have a window, also where it is the default's. */
const kindOf = ({ intensity = { kind: 'window' } }: Section): unknown => (intensity as Section | null)?.kind;

const channelsOf = (network: Section = {}): number => describedSection(network).section.inChannels;

/**
 * Why a preset does not fit a checkpoint; undefined where it does. One channel can be spread over several. Weights that have seen
 * Hounsfield units in a window know nothing of MRI.
 */
export function unfitness(preset: Input, { network, preprocess }: CheckpointStart): string | undefined {
  const [its, own] = [network.inChannels, channelsOf(preset.network)];
  if (its > 1 && its !== own) return `the weights take ${its} channels, the preset ${own}`;
  const isWindow = preprocess && kindOf(preprocess) === 'window';
  if (isWindow && kindOf(preset.data?.preprocess ?? {}) !== 'window')
    return 'the weights have learned from images in a window of CT, the preset is for MRI';
  return undefined;
}

/** The keys of preprocessing that go with the weights; a size that volumes were brought to does not. */
function preprocessOf(own: Section, theirs: Section): Section {
  const { orientation, intensity, foreground, spacing, resize } = theirs;
  const otherScale = kindOf(own) !== kindOf(theirs);
  return {
    ...own,
    ...(orientation !== undefined && { orientation }),
    ...(intensity !== undefined && { intensity }),
    // A threshold is one of scaled intensities.
    ...(otherScale && foreground !== undefined && { foreground }),
    ...((resize ?? null) === null && (own.resize ?? null) === null && spacing !== undefined && { spacing }),
  };
}

/** A preset that brings whole volumes to the size of its crops. */
const takesWhole = ({ data }: Input): boolean => (data?.preprocess?.resize ?? null) !== null;

/** A preset's sections with the network of a checkpoint, its crops, and images prepared as it has seen them. */
export function withCheckpoint<Preset extends Input>(preset: Preset, start: CheckpointStart): Preset {
  const { checkpoint, network, size, preprocess } = start;
  const inChannels = Math.max(network.inChannels, channelsOf(preset.network));
  return {
    ...preset,
    network: { ...network, inChannels },
    ...(size && !takesWhole(preset) && { crops: { ...preset.crops, size } }),
    init: { ...preset.init, checkpoint },
    data: {
      ...preset.data,
      ...(preprocess && { preprocess: preprocessOf(preset.data?.preprocess ?? {}, preprocess) }),
    },
  };
}
