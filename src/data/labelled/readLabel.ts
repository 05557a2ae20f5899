import { UserError } from '../../errors/userError';
import {
  compareGrids,
  countLabelValues,
  fileNotices,
  judgeLabelGrid,
  judgeLabelValues,
  labelGrid,
  ontoGrid,
  readVolume,
  wholeLabels,
  type Grid,
  type LabelValues,
  type Notice,
  type Volume,
} from '../../volume';
import { imageFiles, type Case } from '../datalist/case';
import { counted, listOf } from '../../text';
import { knownLabels, type LabelCodes } from './labelCodes';
import { unknownClass } from '../../labels/classNames';

/** How label files are read. */
export interface LabelSettings {
  readonly codes: LabelCodes;
  /** Labels of their image's size lie on its grid, whatever their affine (`data.labelsOnImageGrid`). */
  readonly onImageGrid: boolean;
}

/** A label file, with what is to be said of it. */
export interface JudgedLabel {
  /** One channel of whole numbers on the image's grid; undefined when there is an error among the notices. */
  readonly label?: Volume;
  /** Voxels of each value; undefined when the file does not hold one number a voxel. */
  readonly values?: LabelValues;
  readonly notices: readonly Notice[];
  /** Its affine puts it elsewhere, and the image's grid was taken because the settings say so. */
  readonly onImageGrid?: boolean;
}

/** The label file of a case. @throws UserError when it has none */
export function labelFile(item: Case): string {
  if (item.label !== undefined) return item.label;
  throw new UserError(
    `${imageFiles(item)[0]}: this case has no label, and fine-tuning needs one; use a datalist that names it`,
  );
}

/** What is to be said of a label map that tells of some classes alone. */
function judgeLabelled(item: Case, { counts }: LabelValues, { classes }: LabelCodes): Notice[] {
  const { labelled } = item;
  if (!labelled) return [];
  const unknown = unknownClass(labelled, classes);
  if (unknown !== undefined)
    return [{ severity: 'error', message: `"labelled" of the case: ${unknown}`, advice: 'correct the name' }];
  const present = classes.filter(({ values }) => values.some((value) => (counts.get(value) ?? 0) > 0));
  const other = present.filter(({ name }) => !labelled.includes(name));
  if (present.length > 0 && other.length === present.length)
    return [
      {
        severity: 'warning',
        message: `has voxels of ${names(other)}, but none of what the case says to label (${labelled.join(', ')})`,
        advice: 'check "labelled" of the case or its source',
      },
    ];
  if (other.length === 0) return [];
  return [
    {
      severity: 'info',
      message: `has voxels of ${names(other)}, which the case does not say to label; they are not trained`,
      advice: 'add the class to "labelled" if all of it is labelled',
    },
  ];
}

const names = (classes: LabelCodes['classes']): string => listOf(classes.map(({ name }) => name), 'and'); // prettier-ignore

/** What is to be said of labelled voxels that lie outside of the image: the label is of another image then, or misplaced. */
function judgeLost({ counts }: LabelValues, inside: LabelValues, item: Case, { classes }: LabelCodes): Notice[] {
  const lost = classes.flatMap(({ name, values }) => {
    const voxels = values.reduce((sum, value) => sum + (counts.get(value) ?? 0) - (inside.counts.get(value) ?? 0), 0);
    return voxels > 0 ? [`${name}: ${counted(voxels, 'voxel')}`] : [];
  });
  if (lost.length === 0) return [];
  const shown = [...lost.slice(0, 4), ...(lost.length > 4 ? ['…'] : [])].join(', ');
  return [
    {
      severity: 'error',
      message: `labels voxels outside of its image ${imageFiles(item)[0]} (${shown})`,
      advice: 'pair the label with its own image, or the image that the label was drawn on',
    },
  ];
}

/**
 * Reads a case's label and judges where it lies and what it holds. Training, evaluation and the check of data all use this, so
 * that what one accepts the others do.
 *
 * @param image grid of the case's image
 * @throws UserError naming the label file when it cannot be read
 */
export async function judgeLabel(item: Case, image: Grid, settings: LabelSettings): Promise<JudgedLabel> {
  const file = labelFile(item);
  const { volume, header } = await readVolume(file, { channel: 0 });
  if (header.channels > 1) {
    const message = `has ${header.channels} channels; a label map has one class number a voxel`;
    return { notices: [{ severity: 'error', message, advice: 'store one class number a voxel' }] };
  }
  const values = countLabelValues(volume.data);
  const own = labelGrid(header, image);
  const grid = judgeLabelGrid(own, image, imageFiles(item)[0]!, { onImageGrid: settings.onImageGrid });
  const notices = [
    ...fileNotices(header.warnings),
    ...(grid ? [grid] : []),
    ...judgeLabelValues(values, knownLabels(settings.codes)),
    ...judgeLabelled(item, values, settings.codes),
  ];
  if (notices.some(({ severity }) => severity === 'error')) return { values, notices };
  const label = ontoGrid({ ...volume, data: wholeLabels(volume.data, values) }, image, own);
  const { place, crop } = compareGrids(own, image);
  const lost = crop && crop.outside > 0 ? judgeLost(values, countLabelValues(label.data), item, settings.codes) : [];
  if (lost.length > 0) return { values, notices: [...notices, ...lost] };
  return { label, values, notices, onImageGrid: place === 'unplaced' || place === 'elsewhere' };
}
