/**
 * Where a pre-trained network believes crops of a volume to be (`voco locate`). Places are voxels of the preprocessed volume, n is
 * the number of base crops, in grid order (x slowest).
 */
import type { Box, Vec3 } from '../geometry';

/** One random crop, and what the network says of it. */
export interface LocatedPosition {
  readonly centre: Vec3;
  /** Share of the crop in each base crop, n numbers. */
  readonly label: readonly number[];
  /** Predicted similarity to each base crop, 0 to 1, n numbers. */
  readonly predicted: readonly number[];
  /** Mean of the base crops' centres weighted by the predictions; null when all of these are 0. (Of the label it is the centre.) */
  readonly believed: Vec3 | null;
  /** Millimetres between centre and believed place. */
  readonly distance: number | null;
  /** Mean of |label − prediction| over the base crops. */
  readonly difference: number;
  /** Whether the most similar base crop is the one that covers most of the crop. */
  readonly hit: boolean;
}

/** Smoothed distances over the volume: values at `origin + index · step` voxels, `counts` of them, x slowest. */
export interface ErrorMap {
  readonly origin: Vec3;
  readonly step: Vec3;
  readonly counts: Vec3;
  /** Millimetres. */
  readonly values: readonly number[];
}

export interface LocateSummary {
  readonly positions: number;
  /** Share of hits, 0 to 1. */
  readonly accuracy: number;
  readonly difference: number;
  /** Millimetres; null when the network answered nowhere. */
  readonly meanDistance: number | null;
  readonly medianDistance: number | null;
  /** Mean distance if the answer were always the middle of the grid, millimetres. */
  readonly guessDistance: number;
  /** Positions without any similarity. */
  readonly unanswered: number;
}

export interface LocateReport {
  readonly format: 1;
  readonly checkpoint: string;
  /** Optimizer steps that the checkpoint was trained for. */
  readonly step: number;
  readonly objective: string;
  readonly image: readonly string[];
  readonly volume: { readonly size: Vec3; readonly spacing: Vec3; readonly affine: readonly number[] };
  readonly grid: { readonly counts: Vec3; readonly crop: Vec3; readonly origin: Vec3 };
  readonly seed: number;
  readonly positions: readonly LocatedPosition[];
  /** Cosine between the embeddings of base crops, n × n. */
  readonly baseSimilarity: readonly (readonly number[])[];
  readonly map: ErrorMap;
  readonly summary: LocateSummary;
}

/** A crop as the network is to see it: flips along x, y, z, quarter turns from x towards y, then an intensity shift and other changes. */
export interface PlacedCrop {
  readonly box: Box;
  readonly augmentation: {
    readonly flip: readonly [boolean, boolean, boolean];
    readonly quarterTurns: number;
    readonly shift: number;
    readonly intensity?: {
      readonly settings: {
        readonly [
          change in 'noise' | 'blur' | 'brightness' | 'contrast' | 'lowResolution' | 'gamma' | 'biasField'
        ]: number;
      };
      readonly stream: readonly number[];
      readonly keepZero?: boolean;
    };
  };
}

/** What a network says of random crops of one volume. */
export interface Predictions {
  /** Similarity of each random crop to each base crop, 0 to 1: `[M][n]`. */
  readonly predicted: readonly (readonly number[])[];
  /** Cosines between the embeddings of the base crops: `[n][n]`. */
  readonly baseSimilarity: readonly (readonly number[])[];
}

/**
 * The calls of `voco locate --serve`, by lines of JSON (`src/rpc`).
 *
 * `Config` is that of a pre-training: preprocessing, grid and crops; by default those of the checkpoint's run.
 */
export interface LocateCalls<Config> {
  readonly locate: {
    readonly params: ImageQuestion<Config> & {
      /** How many random crops are asked about; rounded up to whole training steps. */
      readonly positions: number;
      readonly seed: number;
    };
    readonly result: LocateReport;
  };
  readonly predict: {
    readonly params: ImageQuestion<Config> & {
      /** The random crops and base crops of one training step on this image. */
      readonly randoms: readonly PlacedCrop[];
      readonly bases: readonly PlacedCrop[];
    };
    readonly result: Predictions;
  };
}

interface ImageQuestion<Config> {
  readonly checkpoint: string;
  readonly config?: Config | undefined;
  /** The image's files, absolute. */
  readonly files: readonly string[];
}
