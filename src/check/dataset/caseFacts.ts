import type { Case } from '../../data/datalist/case';
import type { ImageFacts } from '../../data/judge';

export interface CaseFacts {
  readonly item: Case;
  /** Empty when the images cannot be read. */
  readonly images: readonly ImageFacts[];
}
