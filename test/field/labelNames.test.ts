import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { caretLabels } from '../../src/labels/caret';
import { datasetLabels } from '../../src/labels/datasetLabels';
import { describedLabels } from '../../src/labels/descriptions';
import { segmentLabels } from '../../src/labels/segments';
import { TOTALSEGMENTATOR_CLASSES } from '../../src/labels/totalSegmentator';
import { labelNames } from '../../src/viewer/labels';
import { makeLabelCodes } from '../../src/data/labelled';
import { writeSegmentation } from '../../src/segment/segmenter';
import { convertVolume, identityAffine, readVolume, writeNifti } from '../../src/volume';
import { rawHeader } from '../unit/volume/support';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'voco-names-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, content: string | Uint8Array): string {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

async function labelMap(path: string): Promise<string> {
  const file = put(path, '');
  const data = Uint8Array.from([0, 1, 2, 0, 0, 0, 0, 0]);
  await writeNifti(file, { data, shape: [1, 2, 2, 2], affine: identityAffine() });
  return file;
}

/** As TotalSegmentator writes it. */
const label = (key: number, name: string, [r, g, b]: readonly number[] = [1, 0, 0]): string =>
  `<Label Key="${key}" Red="${r}" Green="${g}" Blue="${b}" Alpha="1">${name}</Label>\n`;
const caret = (labels: string): string =>
  '<?xml version="1.0" encoding="UTF-8"?> <CaretExtension>  <Date><![CDATA[2013-07-14T05:45:09]]></Date>   ' +
  `<VolumeInformation Index="0">   <LabelTable>\n${labels}\n  </LabelTable>  <StudyMetaDataLinkSet>  </StudyMetaDataLinkSet>  ` +
  '<VolumeType><![CDATA[Label]]></VolumeType>   </VolumeInformation></CaretExtension>\n              ';

/** A NIfTI file with one extension of this code. */
function withExtension(code: number, text: string): Uint8Array {
  const content = Buffer.from(text);
  const size = Math.ceil((content.length + 8) / 16) * 16;
  const extension = Buffer.alloc(size);
  extension.writeInt32LE(size, 0);
  extension.writeInt32LE(code, 4);
  content.copy(extension, 8);
  const header = rawHeader({ dims: [3, 2, 2, 2, 1, 1, 1, 1], voxelOffset: 352 + size });
  const bytes = Buffer.from(header.subarray(0, 352));
  bytes.writeFloatLE(352 + size, 108);
  bytes[348] = 1;
  return Buffer.concat([bytes, extension, Buffer.alloc(16)]);
}

describe('names inside the file', () => {
  it.each([30, 0])('are those of the Caret table, in an extension of code %i, compressed or not', async (code) => {
    const xml = caret(label(1, '<![CDATA[left & right <x>]]>') + label(2, 'a &amp; b &#233;', [0, 0.5, 1]));
    for (const [name, bytes] of [
      ['a.nii', withExtension(code, xml)],
      ['a.nii.gz', gzipSync(withExtension(code, xml))],
    ] as const) {
      const named = await labelNames(put(name, bytes), 2);
      expect(named(1)).toEqual({ name: 'left & right <x>', colour: '#ff0000' });
      expect(named(2)).toEqual({ name: 'a & b é', colour: '#0080ff' });
      expect(named(0).name).toBe('background');
      expect(named(3).name).toBe('label 3');
    }
  });

  it('are those of the header of a pair, by either name of it', async () => {
    const whole = Buffer.from(withExtension(0, caret(label(1, 'liver') + label(2, 'tumour'))));
    whole.writeFloatLE(0, 108);
    whole.write('ni1', 344, 'latin1');
    const at = whole.length - 16;
    for (const [name, bytes] of [
      ['a', whole.subarray(0, at)],
      ['b', gzipSync(whole.subarray(0, at))],
    ] as const) {
      const header = put(`${name}.hdr${name === 'b' ? '.gz' : ''}`, bytes);
      const voxels = put(`${name}.img`, whole.subarray(at));
      for (const file of [header, voxels]) expect((await labelNames(file, 2))(2).name).toBe('tumour');
    }
  });

  it('stay in what is written of them: segmentations, and Slicer\u2019s segments that are converted', async () => {
    const codes = makeLabelCodes(
      [
        { name: 'left & right <x>', values: [7], colour: '#0080ff' },
        { name: 'tumour', values: [300] },
      ],
      false,
    );
    const labels = { data: Uint8Array.from([0, 1, 2, 0, 0, 0, 0, 0]), shape: [1, 2, 2, 2] as const };
    for (const name of ['s.nii', 's.nii.gz']) {
      const file = join(root, name);
      await writeSegmentation(file, { ...labels, affine: identityAffine() }, codes);
      const named = await labelNames(file, 300);
      expect(named(7)).toEqual({ name: 'left & right <x>', colour: '#0080ff' });
      expect(named(300).name).toBe('tumour');
      expect([...(await readVolume(file)).volume.data]).toEqual([0, 7, 300, 0, 0, 0, 0, 0]);
    }
    const input = join(import.meta.dirname, '../fixtures/formats/nrrd/q03-segments.seg.nrrd');
    const out = join(root, 'converted.nii.gz');
    await convertVolume({ input, out });
    expect((await labelNames(out, 2))(1)).toEqual({ name: 'Left kidney', colour: '#b96653' });
  });

  it('do not stop the reading where the extension is hostile or damaged', async () => {
    const bomb = '<!DOCTYPE x [<!ENTITY a "&b;&b;"><!ENTITY b "&a;&a;">]>' + caret(label(1, '&a;'));
    expect(caretLabels(bomb)).toEqual([{ value: 1, name: '&a;', colour: '#ff0000' }]);
    const started = performance.now();
    for (const text of ['<Label ', '<Label >', '<Label Key="1', '<![CDATA[', '<Label Key="1"><![CDATA[', '&#1', 'a='])
      expect(caretLabels(`<LabelTable>${text.repeat(300_000)}`).length).toBeLessThanOrEqual(1);
    expect(performance.now() - started).toBeLessThan(5000);
    const cut = withExtension(30, caret(label(1, 'liver')));
    new DataView(cut.buffer, cut.byteOffset).setInt32(352, 1 << 30, true);
    expect((await labelNames(put('cut.nii', cut), 1))(1).name).toBe('label 1');
    expect(caretLabels(caret(label(-1, 'x') + label(1.5, 'y') + label(3, '') + label(4, 'z', [9, 0, 0])))).toEqual([
      { value: 4, name: 'z' },
    ]);
  });

  it('are those of the first layer where segments overlap', () => {
    const layers = ['Liver', 'Tumour'].map((name, layer) => ({ name, labelValue: 1, layer }));
    expect(segmentLabels(layers)).toEqual([{ value: 1, name: 'Liver' }]);
  });

  it("are those of Slicer's segments", async () => {
    const file = join(import.meta.dirname, '../fixtures/formats/nrrd/q03-segments.seg.nrrd');
    const named = await labelNames(file, 2);
    expect(named(1)).toEqual({ name: 'Left kidney', colour: '#b96653' });
    expect(named(2).name).toBe('Stomach');
  });
});

describe('names beside the file', () => {
  it.each([
    [
      'labels.txt',
      '# ITK-SNAP\n    0     0    0    0        0  0  0    "Clear Label"\n    2   10  20  30   1  1  1    "left lobe"\n',
      'left lobe',
    ],
    ['case.label', '2 10 20 30 1 1 1 "lobe, left"\r\n', 'lobe, left'],
    ['colours.ctbl', '# Color table file\n0 Background 0 0 0 0\n2 left_lobe 10 20 30 255\n', 'left_lobe'],
    ['FreeSurferColorLUT.txt', '#No. Label Name: R G B A\n\n2   Left-Lobe   10 20 30 0\n', 'Left-Lobe'],
    [
      'colors.csv',
      'LabelValue,Name,Color_R,Color_G,Color_B,Color_A,Type_CodeMeaning\n1,"a, b",1,2,3,255,x\n2,left lobe,10,20,30,255,"lobe, left"\n',
      'left lobe',
    ],
    ['case.csv', 'label;name;red;green;blue\n2;left lobe;10;20;30\n', 'left lobe'],
    ['dseg.tsv', 'index\tname\tcolor\n2\tleft lobe\t#0a141e\n', 'left lobe'],
  ])('are read from %s', async (name, text, expected) => {
    const file = await labelMap('labelsTr/case.nii.gz');
    put(`labelsTr/${name}`, text);
    expect((await labelNames(file, 2))(2)).toEqual({ name: expected, colour: '#0a141e' });
  });

  it('are those of dataset.json above it, and a text that is none does not count', async () => {
    const file = await labelMap('D1/labelsTr/case.nii.gz');
    put('D1/labelsTr/labels.txt', 'Scanned 2 days later by 3 people at 10 20 30\nand more\nand more\n');
    put('D1/dataset.json', JSON.stringify({ labels: { background: 0, whole: [1, 2], liver: [2] } }));
    const named = await labelNames(file, 2);
    expect(named(1).name).toBe('whole');
    expect(named(2)).toEqual({ name: 'liver', colour: '#c77b58' });
    expect(describedLabels('a b c\n1 2 3\n')).toEqual([]);
    expect(describedLabels(String.raw`1 255 0 0 1 1 1 "a \"core\""`)[0]?.name).toBe('a "core"');
    expect(describedLabels('index\tname\n1\tGM\n2\tn/a\n')).toEqual([{ value: 1, name: 'GM' }]);
    expect(datasetLabels(['liver'])).toBeUndefined();
  });
});

it('TotalSegmentator’s table has the 117 classes of its task total, with colours of their own', async () => {
  const byValue = new Map(TOTALSEGMENTATOR_CLASSES.map(({ value, name }) => [value, name]));
  expect([byValue.size, ...[1, 51, 91, 117].map((value) => byValue.get(value))]).toEqual([
    117,
    'spleen',
    'heart',
    'skull',
    'costal_cartilages',
  ]);
  expect(TOTALSEGMENTATOR_CLASSES.every(({ colour }) => /^#[0-9a-f]{6}$/.test(colour))).toBe(true);
  expect(new Set(TOTALSEGMENTATOR_CLASSES.map(({ colour }) => colour)).size).toBeGreaterThan(110);
  expect((await labelNames(await labelMap('totalseg/s1.nii.gz'), 117))(5).name).toBe('liver');
});

it('numbers alone name nothing: a table counts where the path says so', async () => {
  const nameOf6 = async (path: string, highest = 13) => (await labelNames(await labelMap(path), highest))(6).name;
  expect(await nameOf6('labelsTr/label0001.nii.gz')).toBe('label 6');
  expect(await nameOf6('BTCV/labelsTr/label0001.nii.gz')).toBe('liver');
  expect(await nameOf6('Task11_BTCV/a.nii.gz')).toBe('liver');
  expect(await nameOf6('Beyond the Cranial Vault/Training/label/label0001.nii.gz')).toBe('liver');
  expect(await nameOf6('BTCV/all/a.nii.gz', 14)).toBe('label 6');
});
