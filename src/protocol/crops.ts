import type { Box, Vec3 } from '../geometry';
import type { CropAnswer } from './answers';
import type { LocateReport } from './locate';
import type { Progress } from '../rpc';

/**
 * The preview of crops beside a config: the calls of the webview and the events of the host. All places are voxels of the preprocessed volume.
 */

/** A picture of grey values 0 to 255, row by row, the first axis of the plane along a row. */
export interface GreyImage<Pixels = Uint8Array> {
  readonly width: number;
  readonly height: number;
  readonly data: Pixels;
}

/** The middle slices of a crop across z, y and x. */
export interface CropPicture<Pixels = Uint8Array> {
  readonly name: string;
  readonly images: readonly GreyImage<Pixels>[];
  /** The grey values stand for so many classes, from the first in black to the last in white. */
  readonly classes?: number;
  /** White for what the network does not get to see. */
  readonly hidden?: readonly GreyImage<Pixels>[];
  /** White for what something is asked of; absent: everywhere. */
  readonly asked?: readonly GreyImage<Pixels>[];
}

/** What a volume is like after a preprocessing step, with its middle slice (x along a row). */
export interface StagePreview {
  readonly stage: string;
  readonly shape: readonly number[];
  readonly spacing: Vec3;
  readonly orientation: string;
  readonly range: readonly [number, number];
  readonly image: GreyImage;
}

/** The base crops of a volume; counts of 0 where the pretext task has none. */
export interface CropGridPreview {
  readonly counts: Vec3;
  readonly crop: Vec3;
  readonly origin: Vec3;
}

/** What the page must know of a pretext task. */
export interface ShownTask {
  readonly name: string;
  /** Its network can be asked where crops lie; others answer what the task asks of a crop. */
  readonly locates: boolean;
  /** The size of a crop can be changed. */
  readonly resizable: boolean;
}

export interface CropsPreview {
  /** The cases that training would see, by name. */
  readonly cases: readonly string[];
  /** Absent when the page knows them already. */
  readonly stages?: readonly StagePreview[];
  /** Oddities of the case's files. */
  readonly warnings: readonly string[];
  /** The preprocessed volume; `version` changes whenever its voxels do. */
  readonly volume: { readonly size: Vec3; readonly spacing: Vec3; readonly version: number; readonly ras: boolean };
  readonly grid: CropGridPreview;
  readonly randomCrops: number;
  /** Size of a crop as the network gets it. */
  readonly input: Vec3;
  readonly task: ShownTask;
  /** The crop that was asked for with it. */
  readonly crop: CropPreview;
}

/** Which crop is looked at: a random one (moved and resized by the user, when given), or a base crop of the grid. */
export interface CropChoice {
  readonly kind: 'random' | 'base';
  readonly index: number;
  readonly centre?: Vec3;
  /** Voxels; by default the config's `method.crop`. */
  readonly size?: Vec3;
}

export interface AugmentChoice {
  readonly flip: boolean;
  readonly rotate: boolean;
  readonly shift: boolean;
}

export interface CropPreview {
  readonly box: Box;
  readonly centre: Vec3;
  /** The base crops of this draw, where they lie elsewhere in each. */
  readonly grid?: CropGridPreview;
  /** Share of the crop in each base crop, in grid order (x slowest); none for a base crop. */
  readonly label?: Float64Array;
  /** The middle slices across z, y and x of the crop as it was cut, in the size that the network gets. */
  readonly plain: readonly GreyImage[];
  /** What the network gets. */
  readonly goesIn: readonly CropPicture[];
  /** What the network is to give, where that are images, and what it is to tell, in words. */
  readonly asked: readonly CropPicture[];
  readonly question?: string;
  /** What the augmentation did, in words. */
  readonly augmentation: string;
}

/** The surface of the body in a reduced volume: places from 0 to `size` − 1 along each axis, three bytes a point. */
export interface BodySurface {
  readonly size: Vec3;
  readonly places: Uint8Array;
  /** Unit normals times 127, outwards in millimetre space, three a point. */
  readonly normals: Int8Array;
  readonly greys: Uint8Array;
}

/** A pre-training checkpoint whose network can be asked. */
export interface CheckpointItem {
  readonly file: string;
  /** Its pretext task, where its header tells one. */
  readonly task?: string;
  /** Label of its run, and its step. */
  readonly run: string;
  readonly step: number;
  readonly loss?: number;
}

export interface LocateCall {
  readonly checkpoint: string;
  readonly positions: number;
}

export interface PredictCall extends CropRequest {
  readonly checkpoint: string;
}

/** What the network says of the crop that is looked at. */
export interface CropPrediction {
  /** Similarity to each base crop, 0 to 1. */
  readonly predicted: readonly number[];
  /** Cosines between the embeddings of the base crops, n × n. */
  readonly baseSimilarity: readonly (readonly number[])[];
}

export interface PreviewRequest {
  readonly caseIndex: number;
  readonly crop: CropRequest;
  /** Version of the volume whose stages the page has. */
  readonly known?: number;
}

export interface CropSliceRequest {
  readonly plane: 0 | 1 | 2;
  readonly index: number;
}

export interface CropRequest {
  readonly choice: CropChoice;
  /** Which of the epochs' draws: 0 is what the first epoch sees. */
  readonly draw: number;
  readonly augment: AugmentChoice;
}

/** Things wrong in the config or its data, one line each. */
export interface Problems {
  readonly problems: readonly string[];
}

export interface CropsContract {
  readonly calls: {
    readonly preview: { readonly params: PreviewRequest; readonly result: CropsPreview | Problems };
    readonly slice: { readonly params: CropSliceRequest; readonly result: GreyImage };
    readonly crop: { readonly params: CropRequest; readonly result: CropPreview };
    readonly body: { readonly params: null; readonly result: BodySurface };
    /** The pre-training checkpoints of the workspace, newest runs first. */
    readonly checkpoints: { readonly params: null; readonly result: readonly CheckpointItem[] };
    /** A checkpoint that the user picks from the disk. */
    readonly browse: { readonly params: null; readonly result: CheckpointItem | null };
    /** Null when it was cancelled or overtaken by another question. */
    readonly locate: { readonly params: LocateCall; readonly result: LocateReport | null };
    readonly predict: { readonly params: PredictCall; readonly result: CropPrediction | null };
    readonly answer: { readonly params: PredictCall; readonly result: CropAnswer | null };
    readonly cancel: { readonly params: null; readonly result: null };
  };
  readonly events: {
    /** The text of the config changed. */
    readonly config: null;
    readonly progress: Progress;
    /** Runs came, went or wrote a checkpoint. */
    readonly checkpoints: null;
  };
}

export interface CropsState {
  readonly file: string;
  readonly caseIndex: number;
  readonly draw: number;
  readonly choice: CropChoice;
  readonly augment: AugmentChoice;
  readonly place?: Vec3;
  readonly checkpoint?: CheckpointItem;
  /** Whether the error map is laid over the slices. */
  readonly map?: boolean;
  /** Degrees: where the 3-D view is seen from. */
  readonly turn?: readonly [azimuth: number, elevation: number];
}
