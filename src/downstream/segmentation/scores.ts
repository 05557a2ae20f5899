import { classMask, type LabelCodes } from '../../data/labelled';
import { atOnce, type InPieces } from '../../rpc/breath';
import {
  countMaskOverlap,
  countOverlaps,
  diceOf,
  hausdorff,
  normalizedSurfaceDistance,
  surfaceDistancesInPieces,
  volumeError,
  type Overlap,
} from '../../metrics';

type Triple = readonly [number, number, number];

/** A prediction in which the voxels that the truth leaves out are background: they count neither way. */
export function withoutIgnored(prediction: Uint8Array, truth: Uint8Array, { ignoredCode }: LabelCodes): Uint8Array {
  return ignoredCode >= 0 && truth.includes(ignoredCode)
    ? prediction.map((code, i) => (truth[i] === ignoredCode ? 0 : code))
    : prediction;
}

/** Overlap of each class, without background. */
export function classOverlaps(prediction: Uint8Array, truth: Uint8Array, codes: LabelCodes): Overlap[] {
  if (!codes.overlapping) return countOverlaps(prediction, truth, codes.channels).slice(1);
  return codes.classes.map((_, c) => countMaskOverlap(classMask(prediction, c, codes), classMask(truth, c, codes)));
}

/**
 * Dice of each class; NaN for a class that is not in the ground truth, or that its label map does not tell of.
 *
 * @param labelled `[classes]`: 1 for the classes that the label map tells of
 */
export function classDice(
  prediction: Uint8Array,
  truth: Uint8Array,
  codes: LabelCodes,
  labelled?: Uint8Array,
): number[] {
  const overlaps = classOverlaps(withoutIgnored(prediction, truth, codes), truth, codes);
  return overlaps.map((overlap, c) => (labelled?.[c] === 0 ? NaN : diceOf(overlap)));
}

/** Scores of a class by the names that results have. NaN: undefined (MONAI's rules). */
export type SegmentationScores = Record<'dice' | 'nsd' | 'hd95' | 'volumeError', number>;

/** Units of {@link SegmentationScores}; empty for a share of one. */
export const SCORE_UNITS: Record<keyof SegmentationScores, string> = { dice: '', nsd: '', hd95: 'mm', volumeError: '' };

/** Where two maps lie, and how they are compared. */
interface Grid {
  /** Voxels of both, `[X, Y, Z]`. */
  readonly size: Triple;
  /** Millimetres. */
  readonly spacing: Triple;
  /** Of the normalised surface distance, millimetres. */
  readonly tolerance: number;
}

/** The scores of a class in a case, with the voxels they come from. */
export interface ScoredClass {
  readonly scores: SegmentationScores;
  readonly overlap: Overlap;
}

/**
 * All scores of each class of one case. The prediction is one {@link withoutIgnored} voxels.
 */
export function scoreCase(prediction: Uint8Array, truth: Uint8Array, codes: LabelCodes, grid: Grid): ScoredClass[] {
  return atOnce(scoreCaseInPieces(prediction, truth, codes, grid));
}

/** {@link scoreCase} in pieces: the distances of one class of a large volume take many seconds. */
export function* scoreCaseInPieces(
  prediction: Uint8Array,
  truth: Uint8Array,
  codes: LabelCodes,
  grid: Grid,
): InPieces<ScoredClass[]> {
  const scored: ScoredClass[] = [];
  for (const [c, overlap] of classOverlaps(prediction, truth, codes).entries()) {
    yield;
    const scores = { dice: diceOf(overlap), volumeError: volumeError(overlap), nsd: NaN, hd95: NaN };
    if (overlap.truth === 0 && overlap.predicted === 0) {
      scored.push({ scores, overlap });
      continue;
    }
    const masks = [prediction, truth].map((map) => classMask(map, c, codes)) as [Uint8Array, Uint8Array];
    const distances = yield* surfaceDistancesInPieces(...masks, grid.size, grid.spacing);
    const nsd = normalizedSurfaceDistance(distances, grid.tolerance);
    scored.push({ scores: { ...scores, nsd, hd95: hausdorff(distances) }, overlap });
  }
  return scored;
}
