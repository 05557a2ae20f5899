/**
 * The preview of crops beside a config: what the webview asks, what the host tells it. All places are voxels of the preprocessed volume.
 */
export type Triple = readonly [number, number, number];

export interface Box {
  readonly start: Triple;
  readonly size: Triple;
}

/** A picture of grey values 0 to 255, row by row, the first axis of the plane along a row. */
export interface GreyImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** What a volume is like after a preprocessing step, with its middle slice (x along a row). */
export interface StagePreview {
  readonly stage: string;
  readonly shape: readonly number[];
  readonly spacing: Triple;
  readonly orientation: string;
  readonly range: readonly [number, number];
  readonly image: GreyImage;
}

export interface CropGridPreview {
  readonly counts: Triple;
  readonly crop: Triple;
  readonly origin: Triple;
}

export interface CropsPreview {
  /** The cases that training would see, by name. */
  readonly cases: readonly string[];
  readonly stages: readonly StagePreview[];
  /** Oddities of the case's files. */
  readonly warnings: readonly string[];
  /** The preprocessed volume; `version` changes whenever its voxels do. */
  readonly volume: { readonly size: Triple; readonly spacing: Triple; readonly version: number; readonly ras: boolean };
  readonly grid: CropGridPreview;
  readonly randomCrops: number;
  /** Size of a crop as the network gets it. */
  readonly input: Triple;
}

/** Which crop is looked at: a random one (moved to a place of the user's, when given), or a base crop of the grid. */
export interface CropChoice {
  readonly kind: 'random' | 'base';
  readonly index: number;
  readonly centre?: Triple;
}

export interface AugmentChoice {
  readonly flip: boolean;
  readonly rotate: boolean;
  readonly shift: boolean;
}

export interface CropPreview {
  readonly box: Box;
  readonly centre: Triple;
  /** Share of the crop in each base crop, in grid order (x slowest); none for a base crop. */
  readonly label?: Float64Array;
  /** The middle slices across z, y and x of the crop as the network gets it, without and with its augmentation. */
  readonly plain: readonly GreyImage[];
  readonly seen: readonly GreyImage[];
  /** What the augmentation did, in words. */
  readonly augmentation: string;
}

export interface PreviewRequest {
  readonly caseIndex: number;
}

export interface SliceRequest {
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
    readonly slice: { readonly params: SliceRequest; readonly result: GreyImage };
    readonly crop: { readonly params: CropRequest; readonly result: CropPreview };
  };
  readonly events: {
    /** The text of the config changed. */
    readonly config: null;
  };
}

export interface CropsState {
  readonly file: string;
  readonly caseIndex: number;
  readonly draw: number;
  readonly choice: CropChoice;
  readonly augment: AugmentChoice;
  readonly place?: Triple;
}
