import type { PretrainConfig } from '../config';
import type { Box, Vec3 } from '../geometry';
import type { CropGridPreview, CropRequest } from '../protocol/crops';
import type { PlacedCrop } from '../protocol/locate';
import type { PreparedVolume } from '../data/regionMasks';
import type { Batch } from './sampler';

/** A picture of a crop, and what of it counts. */
export interface CropImage {
  readonly name: string;
  /** `[…size, channels]`: intensities, or a class a voxel where {@link classes} says how many there are. */
  readonly voxels: Float32Array | Uint8Array;
  readonly classes?: number;
  /** `[…size]`: 1 for voxels that the network does not get to see. */
  readonly hidden?: Uint8Array;
  /** `[…size]`: 1 for voxels that something is asked of; absent: all. */
  readonly asked?: Uint8Array;
}

/** A crop as training draws it, for people to look at: what goes in, and what is asked of the network. */
export interface DrawnCrop {
  readonly box: Box;
  readonly centre: Vec3;
  /** The base crops of this draw, where they lie elsewhere in each. */
  readonly grid?: CropGridPreview;
  /** Share of the crop in each base crop, in grid order; for tasks with base crops. */
  readonly label?: Float64Array;
  /** `[…size, channels]`: the crop as it was cut. */
  readonly plain: Float32Array;
  /** What the network gets. */
  readonly goesIn: readonly CropImage[];
  /** What the network is to give, where that are images. */
  readonly asked: readonly CropImage[];
  /** What the network is to tell, in words; absent where the images or the label say it. */
  readonly question?: string;
  /** What happened to the crop, in words. */
  readonly words: string;
}

/** A pretext task on one preprocessed volume. */
export interface OpenPreview {
  /** The base crops; counts of 0 where the task has none. */
  readonly grid: CropGridPreview;
  /** Crops drawn from a volume in a step. */
  readonly randomCrops: number;
  /** Size of a crop as the network gets it. */
  readonly input: Vec3;
  /** @param stream path of the random streams of the case in the epoch that is looked at */
  draw(request: CropRequest, stream: readonly number[]): DrawnCrop;
  /** All crops of the training step that a crop is drawn in, for tasks whose network can be asked where they are. */
  step?(
    request: CropRequest,
    stream: readonly number[],
  ): { readonly randoms: readonly PlacedCrop[]; readonly bases: readonly PlacedCrop[] };
  /**
   * The rows of the crop that {@link draw} shows, as training gives them to the network.
   *
   * @param streams those of the case in the epoch that is looked at, and in others whose crops follow in the batch; none of them beside
   *   the crop that is shown where `alone`
   */
  batch?(request: CropRequest, streams: readonly (readonly number[])[], alone: boolean): Batch;
}

/** What the panel beside a config shows of a pretext task: the very code and numbers of training, without a tensor library. */
export interface TaskPreview {
  /** @param volume preprocessed, `[C, X, Y, Z]`, with the region masks of its case @throws UserError where the task cannot be done on it */
  open(config: PretrainConfig, volume: PreparedVolume): OpenPreview;
}
