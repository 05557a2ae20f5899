import type { CropImage } from './preview';

/** How well an answer fits what was asked, by the names that people are told: "mean squared error". */
export type AnswerScores = Readonly<Record<string, number>>;

/** One thing that a network was asked of a crop, and what it answers. Arrays are plain: nothing is on a device. */
export type AnswerPart = ImageAnswer | ClassAnswer | PlacesAnswer | PartnerAnswer;

/** An image that the network gives. */
export interface ImageAnswer {
  readonly kind: 'image';
  readonly image: CropImage;
  readonly scores: AnswerScores;
}

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
