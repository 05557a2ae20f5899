import type { PretrainConfig } from '../config';
import type { Box, Vec3 } from '../geometry';
import type { CropGridPreview, CropRequest } from '../protocol/crops';
import type { PlacedCrop } from '../protocol/locate';
import type { Volume } from '../volume';

/** A crop as training draws it, for people to look at: what goes in, and what is asked of the network. */
export interface DrawnCrop {
  readonly box: Box;
  readonly centre: Vec3;
  /** The base crops of this draw, where they lie elsewhere in each. */
  readonly grid?: CropGridPreview;
  /** Share of the crop in each base crop, in grid order; for tasks with base crops. */
  readonly label?: Float64Array;
  /** `[…size, channels]`: the crop as it was cut, and as the network gets it. */
  readonly plain: Float32Array;
  readonly seen: Float32Array;
  /** `[…size, channels]`: what the network is to give, where that is an image. */
  readonly target?: Float32Array;
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
}

/** What the panel beside a config shows of a pretext task: the very code and numbers of training, without a tensor library. */
export interface TaskPreview {
  /** @param volume preprocessed, `[C, X, Y, Z]` @throws UserError where the task cannot be done on it */
  open(config: PretrainConfig, volume: Volume<Float32Array>): OpenPreview;
}
