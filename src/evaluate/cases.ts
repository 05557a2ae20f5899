import { join, relative } from 'node:path';
import { imageFiles, type Case } from '../data/datalist';
import { encodeLabels, judgeLabel, labelFile } from '../data/labelled';
import { runFiles, type CaseResult } from '../runs';
import { applyNotices, gridOf, spacingOf, voxelVolume } from '../volume';
import { scoreCase } from '../downstream/segmentation/scores';
import { segmentImage, writeSegmentation, type TrainedSegmenter } from '../segment/segmenter';
import type { Say } from '../train/types';
import { worstSlice } from './worstSlice';

export interface CaseOptions {
  readonly runDir: string;
  readonly onWarning: Say;
  readonly signal: AbortSignal;
}

/**
 * Scores one case on the voxel grid of its image, and writes the prediction there.
 *
 * @throws UserError naming the file that cannot be read, or a label that does not belong to its image or the task
 */
export async function evaluateCase(
  segmenter: TrainedSegmenter,
  item: Case,
  { runDir, onWarning, signal }: CaseOptions,
): Promise<CaseResult> {
  const { codes, config } = segmenter;
  const labels = await segmentImage(segmenter, item, { onWarning, signal });
  const prediction = join(runFiles(runDir).predictions, `${item.id.replaceAll(/[/\\#]/g, '_')}.nii.gz`);
  await writeSegmentation(prediction, labels, codes);
  const file = labelFile(item);
  const settings = { codes, onImageGrid: config.data.labelsOnImageGrid };
  const { label, notices } = await judgeLabel(item, gridOf(labels), settings);
  applyNotices(file, notices, onWarning);
  const truth = encodeLabels(label!.data, codes, file);
  const [, x, y, z] = labels.shape;
  const size = [x, y, z] as const;
  const spacing = spacingOf(labels.affine);
  const tolerance = config.inference.surfaceTolerance;
  const scored = scoreCase(labels.data, truth, codes, { size, spacing, tolerance });
  const millilitres = voxelVolume(labels.affine) / 1000;
  const classes = codes.classes.map(({ name }, c) => {
    const { scores, overlap } = scored[c]!;
    const worst = worstSlice(labels.data, truth, c, codes, { size, affine: labels.affine });
    return {
      class: c + 1,
      name,
      scores: Object.fromEntries(
        Object.entries(scores).map(([score, value]) => [score, Number.isFinite(value) ? value : null]),
      ),
      volume: { truth: overlap.truth * millilitres, predicted: overlap.predicted * millilitres },
      ...(worst && { worst }),
    };
  });
  return { case: item.id, image: imageFiles(item)[0]!, label: file, prediction: relative(runDir, prediction), classes };
}
