import { isAbsolute, join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import type { CaseResult } from '../../protocol/scores';
import type { ShownResults } from '../../protocol/results';
import { openVolume, type OpenVolumeOptions, type OverlayOptions } from '../volume/openVolume';
import { highlight } from '../../jobs/results/highlight';

const inside = (run: string, path: string): vscode.Uri => vscode.Uri.file(isAbsolute(path) ? path : join(run, path));

/** The worst slice of a class, or that of the class with most wrong voxels in one slice. */
function placeOf({ classes }: CaseResult, index: number | undefined): OpenVolumeOptions {
  const candidates = index === undefined ? classes : [classes[index]!];
  const worst = candidates
    .flatMap((one) => one.worst ?? [])
    .sort((a, b) => b.voxels - a.voxels)
    .at(0);
  return worst ? { crosshair: worst.position } : {};
}

function overlaysOf(run: string, { label, prediction, labelOnImageGrid: onImageGrid }: CaseResult): OverlayOptions[] {
  const truth = label === undefined ? undefined : inside(run, label);
  const predicted = prediction === undefined ? undefined : inside(run, prediction);
  return [
    ...(truth
      ? [{ uri: truth, name: 'ground truth', mode: 'outline' as const, ...(onImageGrid && { onImageGrid }) }]
      : []),
    ...(predicted ? [{ uri: predicted, name: 'prediction', mode: 'labels' as const }] : []),
    ...(truth && predicted
      ? [{ uri: predicted, name: 'errors', mode: 'error' as const, truth, ...(onImageGrid && { onImageGrid }) }]
      : []),
  ];
}

/**
 * Opens a case of an evaluation.
 *
 * @param viewColumn where
 * @param index of the class to highlight, from 0
 * @throws UserError when the results have no such case
 */
export async function openCase(
  { run, results, classes }: ShownResults,
  at: number,
  index: number | undefined,
  viewColumn: vscode.ViewColumn,
): Promise<void> {
  const where = { viewColumn };
  const classified = results.classification?.[at];
  if (classified) return openVolume(inside(run, classified.image), where);
  const found = results.cases[at];
  if (!found) throw new UserError(`${run}: the results have changed; open the table again`);
  await openVolume(inside(run, found.image), {
    ...where,
    ...placeOf(found, index),
    overlays: overlaysOf(run, found),
    ...highlight(classes, index),
  });
}
