import type { Vec3 } from '../../geometry';
import type { Finding } from '../../protocol/datasets';
import type { NiftiHeader, PreprocessSettings } from '../../volume';
import type { Places } from './size';

/** What the label maps of a task must hold. */
export interface LabelDemands {
  readonly classes: readonly { readonly name: string; readonly values: readonly number[] }[];
  /** The value of voxels that are left out. */
  readonly ignore: number | null;
  readonly unlisted: 'error' | 'background';
  /** Labels of the image's size lie on its grid, whatever their affine. */
  readonly onImageGrid: boolean;
}

/** What a config demands of its cases. Plain data: it is sent to loader threads. */
export interface CaseDemands {
  /** Which volume of a 4-D image, or all as channels. */
  readonly channel: number | 'all';
  /** null: whether a file can be read is all that is asked. */
  readonly preprocess: PreprocessSettings | null;
  /** Channels that the network takes. */
  readonly inChannels?: number;
  /** Images may have any number of channels, each of its own. */
  readonly anyChannels?: boolean;
  /** Least size of a preprocessed volume, voxels. */
  readonly gridSize?: Vec3;
  /** Places in millimetres: a preprocessed volume must reach over more than one of them. */
  readonly places?: Places;
  /** Label maps belong to the images, and hold this. */
  readonly labels?: LabelDemands;
}

/** What is known of an image file after looking at it. */
export interface ImageFacts {
  readonly file: string;
  readonly realPath: string;
  /** Hash of the file's length and parts of it, and of its voxels where they were read. */
  readonly fingerprints: readonly string[];
  readonly header: Pick<NiftiHeader, 'size' | 'channels' | 'affine'>;
  readonly orientation: string;
  readonly spacing: Vec3;
}

/** What a case is like, and what is wrong with it. */
export interface CaseVerdict {
  readonly findings: readonly Finding[];
  /** One a file; empty when one of them cannot be read. */
  readonly images: readonly ImageFacts[];
  /** Voxels of each value of the label map, where it was read. */
  readonly labelCounts?: readonly (readonly [value: number, voxels: number])[];
}

/** Headers alone, or the voxels too. */
export type Depth = 'headers' | 'voxels';
