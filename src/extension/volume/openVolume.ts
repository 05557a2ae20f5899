import * as vscode from 'vscode';
import type { Look, OverlayMode, OverlayWish, VolumeWish } from '../../protocol/volume';

/*
 * How other panels show volumes. Both functions can be called from anywhere in the extension and return when the tab is there:
 *
 *   // image, ground truth, prediction and where they differ, at slice 42 of the file's third axis, the liver alone
 *   await openVolume(image, {
 *     overlays: [
 *       { uri: truth, name: 'ground truth', mode: 'outline' },
 *       { uri: prediction, name: 'prediction', mode: 'labels' },
 *       { uri: prediction, name: 'errors', mode: 'error' }, // against the first overlay, unless `truth` names another
 *     ],
 *     slice: { axis: 2, index: 42 },
 *     label: 6,
 *     viewColumn: vscode.ViewColumn.Beside,
 *   });
 *
 *   // two predictions of one case side by side; crosshair, window and zoom are common
 *   await compareVolumes([
 *     { uri: image, name: 'VoCo', overlays: [{ uri: a, name: 'VoCo' }] },
 *     { uri: image, name: 'scratch', overlays: [{ uri: b, name: 'scratch' }] },
 *   ], { label: 6 });
 *
 *   // two predictions in turns on one picture
 *   await openVolume(image, { overlays: [{ uri: a, name: 'VoCo' }, { uri: b, name: 'scratch' }], blink: true });
 */

export interface OverlayOptions {
  readonly uri: vscode.Uri;
  /** What it is called in the side bar; the file's name when absent. */
  readonly name?: string;
  /** Default `auto`: labels filled, images as a heat map. */
  readonly mode?: OverlayMode;
  /** In mode `error`: the label map that is right; the first other overlay when absent. */
  readonly truth?: vscode.Uri;
  /** Not shown at first. */
  readonly hidden?: boolean;
  /** Drawn on the grid of the volume below, whatever its affine says. */
  readonly onImageGrid?: boolean;
}

export interface OpenVolumeOptions extends Look {
  /** Lowest first; they replace the overlays that are shown. Without it those stay. */
  readonly overlays?: readonly OverlayOptions[];
  readonly viewColumn?: vscode.ViewColumn;
  readonly preserveFocus?: boolean;
}

export interface ComparedVolume {
  readonly uri: vscode.Uri;
  /** Above its slices; the file's name when absent. */
  readonly name?: string;
  readonly overlays?: readonly OverlayOptions[];
}

export interface CompareVolumesOptions extends Look {
  /** Of the tab; made of the volumes' names when absent. */
  readonly title?: string;
  readonly viewColumn?: vscode.ViewColumn;
  readonly preserveFocus?: boolean;
}

/** Commands that show volumes for other panels; they are in no menu. */
export const OPEN_VOLUME = 'voco.openVolume';
export const OPEN_COMPARISON = 'voco.openComparison';

/**
 * Shows a volume in the volume editor: in the tab that shows it already, or in a new one.
 *
 * A file that can't be read is no error here: its tab, or the row of its overlay, says why.
 */
export async function openVolume(uri: vscode.Uri, options: OpenVolumeOptions = {}): Promise<void> {
  await vscode.commands.executeCommand(OPEN_VOLUME, uri, options);
}

/** Overlays as the page knows them; an error map without a truth gets the first other overlay as one. */
export function overlayWishes(overlays: readonly OverlayOptions[]): OverlayWish[] {
  const first = (path: string): string | undefined =>
    overlays.find(({ uri, mode }) => mode !== 'error' && uri.fsPath !== path)?.uri.fsPath;
  return overlays.map(({ uri, name, mode = 'auto', truth, hidden, onImageGrid }) => {
    const path = uri.fsPath;
    const right = mode === 'error' ? (truth?.fsPath ?? first(path)) : undefined;
    return {
      path,
      // Without anything to compare with it can only be shown as it is.
      mode: mode === 'error' && right === undefined ? 'auto' : mode,
      ...(name !== undefined && { name }),
      ...(right !== undefined && { truth: right }),
      ...(hidden && { hidden }),
      ...(onImageGrid && { onImageGrid }),
    };
  });
}

/** Where to look, without the rest of the options; undefined when nothing is said of it. */
export function lookOf({ crosshair, voxel, slice, label, hiddenLabels, blink }: Look): Look | undefined {
  const look = { crosshair, voxel, slice, label, hiddenLabels, blink };
  return Object.values(look).some((value) => value !== undefined) ? look : undefined;
}

export function volumeWish({ uri, name, overlays }: ComparedVolume): VolumeWish {
  return { path: uri.fsPath, overlays: overlayWishes(overlays ?? []), ...(name !== undefined && { name }) };
}
