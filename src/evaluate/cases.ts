import { join, relative } from 'node:path';
import { imageFiles, type Case } from '../data/datalist';
import { codesAsSaved, encodeLabels, judgeLabel, labelFile, labelledClasses } from '../data/labelled';
import { runFiles, type CaseResult } from '../runs';
import { applyNotices, gridOf, spacingOf, voxelVolume } from '../volume';
import { SCORE_UNITS, scoreCaseInPieces, withoutIgnored } from '../downstream/segmentation/scores';
import { segmentImage, writeSegmentation, type TrainedSegmenter } from '../segment/segmenter';
import { breathe, givingWay } from '../rpc/breath';
import type { Say } from '../train/types';
import { worstSlice } from './worstSlice';

/** Of a class that the label map of a case does not tell of. */
const NO_SCORES = Object.fromEntries(Object.keys(SCORE_UNITS).map((score) => [score, null]));

export interface CaseOptions {
  readonly runDir: string;
  readonly onWarning: Say;
  readonly signal: AbortSignal;
  /** @param share of the case's windows, 0 to 1 */
  readonly onProgress?: (share: number) => void;
}

/**
 * Scores one case on the voxel grid of its image, and writes the prediction there.
 *
 * @throws UserError naming the file that cannot be read, or a label that does not belong to its image or the task
 */
export async function evaluateCase(
  segmenter: TrainedSegmenter,
  item: Case,
  { runDir, onWarning, signal, onProgress }: CaseOptions,
): Promise<CaseResult> {
  const { codes, config } = segmenter;
  const labels = await segmentImage(segmenter, item, {
    onWarning,
    signal,
    onProgress: (done, total) => onProgress?.(done / total),
  });
  const prediction = join(runFiles(runDir).predictions, `${item.id.replaceAll(/[/\\#]/g, '_')}.nii.gz`);
  await writeSegmentation(prediction, labels, codes);
  const file = labelFile(item);
  const settings = { codes, onImageGrid: config.data.labelsOnImageGrid };
  const { label, notices, onImageGrid } = await judgeLabel(item, gridOf(labels), settings);
  applyNotices(file, notices, onWarning);
  const labelled = labelledClasses(item, codes.classes);
  const truth = encodeLabels(label!.data, codes, file, labelled);
  const predicted = withoutIgnored(codesAsSaved(labels.data, codes), truth, codes);
  const [, x, y, z] = labels.shape;
  const size = [x, y, z] as const;
  const spacing = spacingOf(labels.affine);
  const tolerance = config.inference.surfaceTolerance;
  const scoring = scoreCaseInPieces(predicted, truth, codes, { size, spacing, tolerance });
  const scored = await givingWay(scoring, () => breathe(signal));
  const millilitres = voxelVolume(labels.affine) / 1000;
  const scoresOf = ({ name }: (typeof codes.classes)[number], c: number): CaseResult['classes'][number] => {
    if (!labelled[c]) return { class: c + 1, name, scores: NO_SCORES, labelled: false };
    const { scores, overlap } = scored[c]!;
    const worst = worstSlice(predicted, truth, c, codes, { size, affine: labels.affine });
    return {
      class: c + 1,
      name,
      scores: Object.fromEntries(
        Object.entries(scores).map(([score, value]) => [score, Number.isFinite(value) ? value : null]),
      ),
      volume: { truth: overlap.truth * millilitres, predicted: overlap.predicted * millilitres },
      ...(worst && { worst }),
    };
  };
  const classes: CaseResult['classes'][number][] = [];
  for (const [c, one] of codes.classes.entries()) {
    await breathe(signal);
    classes.push(scoresOf(one, c));
  }
  return {
    case: item.id,
    image: imageFiles(item)[0]!,
    label: file,
    ...(onImageGrid && { labelOnImageGrid: true }),
    prediction: relative(runDir, prediction),
    classes,
  };
}
