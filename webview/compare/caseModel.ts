import type { ComparedCase, ComparedCheckpoint } from '../../src/protocol/comparison';
import type { CaseMode } from '../../src/protocol/compare';
import type { ResultClass } from '../../src/protocol/scores';
import type { Look, OverlayWish, VolumeWish } from '../../src/protocol/volume';
import { letterOf } from './letters';

/** A checkpoint that can segment, with its segmentation of a case as far as it is there. */
export interface Segmented {
  /** Position among the compared checkpoints. */
  readonly at: number;
  readonly name: string;
  readonly prediction?: string;
  /** The classes of its task, all other labels being background. */
  readonly classes?: readonly ResultClass[];
}

/** The checkpoints that can be asked for segmentations. */
export function segmenting(checkpoints: readonly ComparedCheckpoint[], names: readonly string[]): Segmented[] {
  return checkpoints.flatMap(({ cannot, classes }, at) =>
    cannot.predict === undefined ? [{ at, name: names[at]!, ...(classes && { classes }) }] : [],
  );
}

const titleOf = ({ at, name }: Segmented): string => `${letterOf(at)} · ${name}`;

function labelled(one: Segmented): OverlayWish[] {
  return one.prediction === undefined
    ? []
    : [{ path: one.prediction, name: `${letterOf(one.at)}, prediction`, mode: 'labels' }];
}

function outlined(label: string | undefined): OverlayWish[] {
  return label === undefined ? [] : [{ path: label, name: 'ground truth', mode: 'outline' }];
}

/** Where a segmentation differs from another label map; nothing as long as one of them is not there. */
function errors(one: Segmented, truth: string | undefined, against: string): OverlayWish[] {
  if (one.prediction === undefined || truth === undefined) return [];
  return [{ path: one.prediction, name: `${letterOf(one.at)} against ${against}`, mode: 'error', truth }];
}

/** What the viewer shows of a case: a volume a checkpoint, or one for all of them in turns. */
export function caseVolumes(
  mode: CaseMode,
  { image, label, labelOnImageGrid: onImageGrid }: ComparedCase,
  all: readonly Segmented[],
): VolumeWish[] {
  const path = image[0]!;
  const [first] = all;
  const overlays = (one: Segmented): OverlayWish[] => {
    if (mode === 'blink') return labelled(one);
    const placed = (wishes: OverlayWish[]): OverlayWish[] =>
      onImageGrid ? wishes.map((wish) => ({ ...wish, onImageGrid })) : wishes;
    if (mode === 'predictions') return [...labelled(one), ...placed(outlined(label))];
    if (mode === 'truth') return placed(errors(one, label, 'the ground truth'));
    return one === first ? labelled(one) : errors(one, first?.prediction, letterOf(first!.at));
  };
  const named = (one: Segmented): OverlayWish[] =>
    overlays(one).map((overlay) => ({ ...overlay, ...(one.classes && { classes: one.classes }) }));
  if (mode === 'blink') return [{ path, name: 'Predictions in turns', overlays: all.flatMap(named) }];
  return all.map((one) => ({ path, name: titleOf(one), overlays: named(one) }));
}

/** The slice with most error of any class in any of the checkpoints; undefined for a case that was not evaluated. */
export function worstPlace({ checkpoints }: ComparedCase): Look['crosshair'] {
  const places = checkpoints.flatMap(({ scores = [] }) => scores.flatMap(({ worst }) => worst ?? []));
  return places.sort((a, b) => b.voxels - a.voxels)[0]?.position;
}

/** The largest difference in Dice between any two checkpoints; -1 where there are not two. */
export function spreadOf({ checkpoints }: ComparedCase): number {
  const values = checkpoints.flatMap(({ dice }) => dice ?? []);
  return values.length < 2 ? -1 : Math.max(...values) - Math.min(...values);
}

export const ORIGINS: Readonly<Record<ComparedCase['origin'], string>> = {
  evaluated: 'evaluated',
  validation: 'held out',
  train: 'trained on',
};

/** How a case is called in lists: its id without the folders. */
export const shortCaseName = ({ id }: ComparedCase): string => id.split(/[\\/]/).at(-1) ?? id;
