import type { Vec3 } from '../../geometry';
import { join } from 'node:path';
import { UsageError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { writeNifti } from '../../volume/nifti/write';
import { BTCV_LABELS } from '../../labels/organs';
import { phantomCase } from './case';
import { beginDataset } from './unfinished';

export interface PhantomOptions {
  /** Folder that receives `imagesTr`, `labelsTr` and `dataset_0.json`. */
  readonly out: string;
  readonly cases: number;
  readonly seed?: number;
  /** Voxels along the file's axes; 160×160×64 by default. */
  readonly size?: Vec3;
  /** Millimetres; by default such that the volume covers 384×384×320 mm. */
  readonly spacing?: Vec3;
  /** Cases in the list `validation`; by default a fifth of them. */
  readonly validation?: number;
  /** Replaces a dataset that is in the folder. */
  readonly force?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const LIST = 'dataset_0.json';
const FIELD_OF_VIEW = [384, 384, 320] as const;

function checked(options: PhantomOptions): { size: Vec3; spacing: Vec3; validation: number } {
  const size = options.size ?? [160, 160, 64];
  if (size.some((n) => !Number.isInteger(n) || n < 16 || n > 1024))
    throw new UsageError(`phantom: size ${size.join(',')}: expected three whole numbers from 16 to 1024`);
  if (!Number.isInteger(options.cases) || options.cases < 1 || options.cases > 9999)
    throw new UsageError(`phantom: ${options.cases} cases: expected a whole number from 1 to 9999`);
  const spacing =
    options.spacing ?? [0, 1, 2].map((axis) => Math.round((FIELD_OF_VIEW[axis]! / size[axis]!) * 1e4) / 1e4);
  if (spacing.some((mm) => !(mm > 0)))
    throw new UsageError(`phantom: spacing ${spacing.join(',')}: expected three positive numbers (millimetres)`);
  const validation = options.validation ?? (options.cases > 1 ? Math.max(1, Math.round(options.cases / 5)) : 0);
  if (validation >= options.cases && validation > 0)
    throw new UsageError(`phantom: ${validation} validation cases of ${options.cases} leave none for training`);
  return { size, spacing: [spacing[0]!, spacing[1]!, spacing[2]!], validation };
}

function datalist(cases: number, validation: number): unknown {
  const entries = Array.from({ length: cases }, (_, i) => ({
    image: `imagesTr/img${number(i)}.nii.gz`,
    label: `labelsTr/label${number(i)}.nii.gz`,
  }));
  return {
    name: 'VoCo phantom',
    description: 'Synthetic abdomens in the shape of BTCV; no patient data',
    licence: 'Apache-2.0',
    modality: { 0: 'CT' },
    labels: Object.fromEntries(BTCV_LABELS.map((name, value) => [String(value), name])),
    numTraining: cases - validation,
    numValidation: validation,
    numTest: 0,
    training: entries.slice(0, cases - validation),
    validation: entries.slice(cases - validation),
  };
}

function number(index: number): string {
  return String(index + 1).padStart(4, '0');
}

/**
 * Writes a data set in the layout of BTCV: `imagesTr/img0001.nii.gz` (int16, Hounsfield units), `labelsTr/label0001.nii.gz`
 * (uint8, 0 to 13) and `dataset_0.json` with the lists `training` and `validation`. Each case is a function of seed and index.
 * A dataset of the same settings that was interrupted is gone on with.
 *
 * @returns the path of the datalist that was written
 * @throws UsageError for sizes that cannot hold the organs, or a folder that holds a dataset; UserError naming the file that cannot be written
 */
export async function makePhantom(options: PhantomOptions): Promise<{ datalist: string }> {
  const { size, spacing, validation } = checked(options);
  const { out, cases, seed = 0, force } = options;
  const settings = { cases, seed, size, spacing, validation };
  const dataset = await beginDataset({ out, lists: [LIST], settings, force });
  for (let i = 0; i < cases; i++) {
    options.signal?.throwIfAborted();
    const label = join(out, 'labelsTr', `label${number(i)}.nii.gz`);
    // The label is written last: where it is, the case is whole.
    if (await dataset.missing(label)) {
      const drawn = phantomCase(seed, i, size, spacing);
      await writeNifti(join(out, 'imagesTr', `img${number(i)}.nii.gz`), drawn.image);
      await writeNifti(label, drawn.label);
    }
    options.onProgress?.(i + 1, cases);
  }
  const file = join(out, LIST);
  await writeFileAtomically(file, `${JSON.stringify(datalist(cases, validation), null, 2)}\n`);
  await dataset.finish();
  return { datalist: file };
}
