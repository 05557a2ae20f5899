import { downstreamFor } from '../../../downstream/descriptors';
import { mapVec3, type Vec3 } from '../../../geometry';
import { join } from 'node:path';
import { UsageError } from '../../../errors/userError';
import { writeFileAtomically } from '../../../files/atomic';
import { TASKS } from '../../../labels/tasks';
import { writeNifti } from '../../../volume/nifti/write';
import type { Volume } from '../../../volume/types';
import { beginDataset, type UnfinishedDataset } from '../unfinished';
import { TASK_CASES, type PhantomTask, type TaskCase } from './cases';

export interface TaskPhantomOptions {
  readonly task: PhantomTask;
  /** Folder that receives images, labels and the list of both. */
  readonly out: string;
  readonly cases: number;
  readonly seed?: number;
  /** Voxels; the field of view stays that of the default grid. */
  readonly size?: Vec3;
  /** Replaces a dataset that is in the folder. */
  readonly force?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

const FOLDS = 5;

interface Entry {
  readonly image: string | string[];
  readonly label: string;
}

const number = (index: number): string => String(index + 1).padStart(4, '0');

async function writeCase(out: string, index: number, drawn: TaskCase, { missing }: UnfinishedDataset): Promise<Entry> {
  const write = async (file: string, volume: Volume): Promise<void> => {
    if (await missing(join(out, file))) await writeNifti(join(out, file), volume);
  };
  const several = drawn.images.length > 1;
  const images = drawn.images.map((_, c) => `imagesTr/case${number(index)}${several ? `_${c}` : ''}.nii.gz`);
  for (const [c, image] of drawn.images.entries()) await write(images[c]!, image);
  const image = several ? images : images[0]!;
  if (!drawn.label) return { image, label: String(drawn.class) };
  const label = `labelsTr/case${number(index)}.nii.gz`;
  await write(label, drawn.label);
  return { image, label };
}

async function writeList(out: string, task: PhantomTask, train: Entry[], validation: Entry[]): Promise<string> {
  if (!downstreamFor(TASKS[task].output).labelMaps) {
    const rows = (list: Entry[]): string => list.map(({ image, label }) => `${String(image)},${label}\n`).join('');
    await writeFileAtomically(join(out, 'validation.csv'), `image,label\n${rows(validation)}`);
    const file = join(out, 'training.csv');
    await writeFileAtomically(file, `image,label\n${rows(train)}`);
    return file;
  }
  const file = join(out, 'dataset_0.json');
  const list = {
    name: `VoCo phantom of ${task}`,
    description: `Synthetic, no patient data. Shaped like ${TASKS[task].title}`,
    licence: 'Apache-2.0',
    // The released list of BraTS 21 has folds instead of a list of held-out cases.
    ...(task === 'brats21'
      ? { training: [...train, ...validation].map((entry, i) => ({ fold: i % FOLDS, ...entry })) }
      : { training: train, validation }),
  };
  await writeFileAtomically(file, `${JSON.stringify(list, null, 2)}\n`);
  return file;
}

/**
 * Writes synthetic cases in the shape of a downstream task: four channels for BraTS, tumours in livers for LiTS, a CSV of volume
 * classes for CC-CCII. Each case is a function of seed and index; a fifth of the cases, at least one, is held out.
 *
 * @returns the path of the list that was written
 */
export async function makeTaskPhantom(options: TaskPhantomOptions): Promise<{ datalist: string }> {
  const { task, out, cases, seed = 0 } = options;
  if (!Number.isInteger(cases) || cases < 2 || cases > 9999) {
    throw new UsageError(`phantom: ${cases} cases: expected a whole number from 2 to 9999`);
  }
  const { make, grid } = TASK_CASES[task];
  const size: Vec3 = options.size ?? grid.size;
  if (size.some((n) => !Number.isInteger(n) || n < 16 || n > 1024)) {
    throw new UsageError(`phantom: size ${size.join(',')}: expected three whole numbers from 16 to 1024`);
  }
  const spacing = mapVec3(size, (n, k) => (grid.size[k]! * grid.spacing[k]!) / n);
  const lists = ['training.csv', 'validation.csv', 'dataset_0.json'];
  const dataset = await beginDataset({
    out,
    lists,
    settings: { task, cases, seed, size, spacing },
    force: options.force,
  });
  const entries: Entry[] = [];
  for (let i = 0; i < cases; i++) {
    options.signal?.throwIfAborted();
    entries.push(await writeCase(out, i, make(seed, i, { size, spacing }), dataset));
    options.onProgress?.(i + 1, cases);
  }
  const held = Math.max(1, Math.round(cases / 5));
  const list = await writeList(out, task, entries.slice(0, cases - held), entries.slice(cases - held));
  await dataset.finish();
  return { datalist: list };
}
