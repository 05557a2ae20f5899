import type { CropPicture, CropRequest } from './crops';

/** What a pre-trained network answers to what its pretext task asks of a crop: numbers and pictures, for people. */

/** How well an answer fits what was asked, by the names that people are told. */
type Scores = Readonly<Record<string, number>>;

/**
 * One thing that was asked, and the answer.
 *
 * `Pixels` are the grey values of a picture: bytes, or base64 between processes.
 */
export type AnswerView<Pixels = Uint8Array> =
  | { readonly kind: 'image'; readonly picture: CropPicture<Pixels>; readonly scores: Scores }
  | {
      readonly kind: 'classes';
      readonly name: string;
      readonly classes: readonly string[];
      /** Probabilities of all classes, and which of them is right. */
      readonly rows: readonly {
        readonly name: string;
        readonly probabilities: readonly number[];
        readonly right: number;
      }[];
      readonly scores: Scores;
    }
  /** Probabilities of the base crops, in grid order. */
  | { readonly kind: 'places'; readonly probabilities: readonly number[]; readonly scores: Scores }
  /** Cosines of a row with its partner, and with all others that it is told from. */
  | {
      readonly kind: 'partner';
      readonly name: string;
      readonly partner: number;
      readonly others: readonly number[];
      readonly scores: Scores;
    };

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
