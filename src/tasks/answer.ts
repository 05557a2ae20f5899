import type { AnswerScores, ClassAnswer, PartnerAnswer, PlacesAnswer } from '../protocol/answers';
import type { CropImage } from './preview';

export type { AnswerScores, ClassAnswer, PartnerAnswer } from '../protocol/answers';

/** One thing that a network was asked of a crop, and what it answers. Arrays are plain: nothing is on a device. */
export type AnswerPart = ImageAnswer | ClassAnswer | PlacesAnswer | PartnerAnswer;

/** An image that the network gives. */
export interface ImageAnswer {
  readonly kind: 'image';
  readonly image: CropImage;
  readonly scores: AnswerScores;
}
