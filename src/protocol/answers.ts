import type { CropPicture, CropRequest } from './crops';

/** What a pre-trained network answers to what its pretext task asks of a crop: numbers and pictures, for people. */

/** How well an answer fits what was asked, by the names that people are told: "mean squared error". */
export type AnswerScores = Readonly<Record<string, number>>;

/** Probabilities of classes, of one thing or of several alike. */
export interface ClassAnswer {
  readonly kind: 'classes';
  readonly name: string;
  readonly classes: readonly string[];
  readonly rows: readonly {
    readonly name: string;
    /** One a class, adding up to 1. */
    readonly probabilities: readonly number[];
    /** The class that is right. */
    readonly right: number;
  }[];
  readonly scores: AnswerScores;
}

/** Probabilities of the base crops of a grid. */
export interface PlacesAnswer {
  readonly kind: 'places';
  /** In grid order, adding up to 1. */
  readonly probabilities: readonly number[];
  readonly scores: AnswerScores;
}

/** Cosines of a row with the other rows of its batch. */
export interface PartnerAnswer {
  readonly kind: 'partner';
  readonly name: string;
  /** With the row that belongs to it. */
  readonly partner: number;
  /** With all others that it is told from. */
  readonly others: readonly number[];
  readonly scores: AnswerScores;
}

/**
 * One thing that was asked, and the answer.
 *
 * `Pixels` are the grey values of a picture: bytes, or base64 between processes.
 */
export type AnswerView<Pixels = Uint8Array> =
  | { readonly kind: 'image'; readonly picture: CropPicture<Pixels>; readonly scores: AnswerScores }
  | ClassAnswer
  | PlacesAnswer
  | PartnerAnswer;

export interface CropAnswer<Pixels = Uint8Array> {
  readonly parts: readonly AnswerView<Pixels>[];
  /** Optimizer steps that the checkpoint was trained for. */
  readonly step: number;
}

/** The files of a case, absolute: its image's, those of its channels that are not there, and its region masks. */
export interface CaseFiles {
  readonly image: string | readonly string[];
  readonly missing?: readonly number[];
  readonly regionMasks?: Readonly<Partial<Record<'anonymization' | 'anatomy', string>>>;
}

/** What is asked: the crop is drawn anew from the config, the case and its random streams. */
export interface CropQuestion<Config> {
  readonly checkpoint: string;
  /** Pretext task, preprocessing and network; paths in it are absolute. */
  readonly config: Config;
  readonly item: CaseFiles;
  readonly request: CropRequest;
  /** Paths of the case's random streams: of the epoch that is looked at, then of those whose crops follow in the batch. */
  readonly streams: readonly (readonly number[])[];
  /** Intensities that are black and white. */
  readonly range: readonly [number, number];
}

/** The call of `voco locate --serve` besides those of positions, by lines of JSON. */
export interface AnswerCalls<Config> {
  readonly answer: { readonly params: CropQuestion<Config>; readonly result: CropAnswer<string> };
}
