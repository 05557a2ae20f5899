import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { voxelCount, type Vec3 } from '../../src/geometry';
import { RandomStream } from '../../src/random/random';
import { writeNifti } from '../../src/volume';

/** Sequences of the set, and what tissue, rim of the tumour and its core have in them. */
export const SEQUENCES = ['FLAIR', 'T1w', 'T1gd', 'T2w'] as const;
const CONTRASTS = [
  [300, 700, 500],
  [600, 400, 300],
  [600, 450, 1000],
  [400, 800, 900],
] as const;

export interface MriSet {
  readonly cases: number;
  readonly size?: Vec3;
  /** Sequences that some cases have no file of: case number, and the channels. */
  readonly missing?: Readonly<Record<number, readonly number[]>>;
}

/** Whether a voxel is in a ball, in shares of the volume. */
function inside(at: Vec3, size: Vec3, centre: Vec3, radius: number): boolean {
  return Math.hypot(...at.map((value, k) => value / size[k]! - centre[k]!)) < radius;
}

/**
 * Writes skull-stripped heads with a tumour in the layout of nnU-Net: `imagesTr/head_1_0000.nii.gz` and on, 0 around the head, and
 * `labelsTr/head_1.nii.gz` with 1 for the rim and 2 for the core.
 */
export async function makeMri(folder: string, { cases, size = [40, 44, 36], missing = {} }: MriSet): Promise<void> {
  for (const name of ['imagesTr', 'labelsTr']) mkdirSync(join(folder, name), { recursive: true });
  const affine = Float64Array.from([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
  for (let n = 1; n <= cases; n++) {
    const random = new RandomStream(17, n);
    const centre: Vec3 = [random.range(0.4, 0.6), random.range(0.4, 0.6), random.range(0.4, 0.6)];
    const labels = new Uint8Array(voxelCount(size));
    const images = SEQUENCES.map(() => new Int16Array(labels.length));
    for (let i = 0; i < labels.length; i++) {
      const at: Vec3 = [Math.floor(i / (size[1] * size[2])), Math.floor(i / size[2]) % size[1], i % size[2]];
      if (!inside(at, size, [0.5, 0.5, 0.5], 0.42)) continue;
      const kind = inside(at, size, centre, 0.08) ? 2 : inside(at, size, centre, 0.16) ? 1 : 0;
      labels[i] = kind;
      images.forEach((image, c) => (image[i] = Math.round(CONTRASTS[c]![kind] + 40 * random.normal())));
    }
    const shape = [1, ...size] as const;
    for (const [c, data] of images.entries())
      if (!missing[n]?.includes(c))
        await writeNifti(join(folder, `imagesTr/head_${n}_000${c}.nii.gz`), { data, shape, affine });
    await writeNifti(join(folder, `labelsTr/head_${n}.nii.gz`), { data: labels, shape, affine });
  }
  const content = {
    channel_names: Object.fromEntries(SEQUENCES.map((name, c) => [c, name])),
    labels: { background: 0, rim: 1, core: 2 },
    numTraining: cases,
    file_ending: '.nii.gz',
  };
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(content));
}
