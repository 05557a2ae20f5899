/** Segmentations of 3D Slicer that were cut to what is labelled, where their own origin does not tell where that is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { judgeLabel, makeLabelCodes } from '../../src/data/labelled';
import type { Affine } from '../../src/volume';

const root = mkdtempSync(join(tmpdir(), 'voco-extent-'));
afterAll(() => rmSync(root, { recursive: true }));

const IMAGE = [9, 8, 7] as const;
const CUT = [3, 2, 4] as const;
const codes = makeLabelCodes([{ name: 'spot', values: [5] }], false);

/** Voxel (1, 0, 2) of the cut is labelled. */
function segmentation(name: string, origin: string, offset: string | undefined, size: readonly number[] = CUT): string {
  const bytes = new Uint8Array(size[0]! * size[1]! * size[2]!);
  bytes[1 + size[0]! * size[1]! * 2] = 5;
  const header = [
    'NRRD0004',
    'type: unsigned char',
    'dimension: 3',
    'space: left-posterior-superior',
    `sizes: ${size.join(' ')}`,
    'space directions: (1.5,0,0) (0,1.5,0) (0,0,2)',
    'encoding: raw',
    `space origin: (${origin})`,
    'Segment0_ID:=spot',
    'Segment0_LabelValue:=5',
    ...(offset === undefined ? [] : [`Segmentation_ReferenceImageExtentOffset:=${offset}`]),
  ];
  const file = join(root, `${name}.seg.nrrd`);
  writeFileSync(file, Buffer.concat([Buffer.from(`${header.join('\n')}\n\n`), bytes]));
  return file;
}

/** An image in left, posterior, superior, whose first voxel lies there. */
const imageAt = (x: number, y: number, z: number): Affine =>
  Float64Array.of(-1.5, 0, 0, -x, 0, -1.5, 0, -y, 0, 0, 2, z, 0, 0, 0, 1);

async function judged(label: string, affine: Affine) {
  const item = { id: 'case', image: '/data/case.nii.gz', label, source: 'test' };
  const { label: read, notices } = await judgeLabel(item, { size: IMAGE, affine }, { codes, onImageGrid: false });
  const at = read?.data.indexOf(5);
  const voxel = at === undefined ? undefined : [Math.floor(at / 56), Math.floor(at / 7) % 8, at % 7];
  return { voxel, text: notices.map(({ severity, message }) => `${severity}: ${message}`).join('\n') };
}

it.each([
  ['whose origin is that of its image, as its extent says', '0,0,0', '4 5 2', imageAt(0, 0, 0), [5, 5, 4]],
  ['that begins where its image does', '0,0,0', '0 0 0', imageAt(0, 0, 0), [1, 0, 2]],
  ['whose origin was copied from its image', '10,-20,30', '4 5 2', imageAt(10, -20, 30), [5, 5, 4]],
  ['as Slicer writes it: its origin counts', '16,-12.5,34', '4 5 2', imageAt(10, -20, 30), [5, 5, 4]],
])('one %s', async (name, origin, offset, affine, voxel) => {
  const found = await judged(segmentation(name.replaceAll(/\W+/g, '-'), origin, offset), affine);
  expect(found).toMatchObject({ voxel, text: expect.stringMatching(/^warning: covers a part of its image/) as string });
});

it('is refused where nothing tells its place, or its extent does not fit the image', async () => {
  for (const [name, offset] of [
    ['none', undefined],
    ['beyond', '7 5 2'],
    ['nonsense', '1 x 2'],
  ] as const) {
    const found = await judged(segmentation(name, '0,0,0', offset), imageAt(0, 0, 0));
    expect(found).toMatchObject({
      voxel: undefined,
      text: expect.stringContaining('lies on another voxel grid') as string,
    });
  }
  const whole = await judged(segmentation('whole', '0,0,0', '4 5 2', IMAGE), imageAt(0, 0, 0));
  expect(whole).toEqual({ voxel: [1, 0, 2], text: '' });
});
