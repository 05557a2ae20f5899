import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, deflateSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { resolveSources } from '../../src/data/datalist';
import { UserError } from '../../src/errors/userError';
import { convertVolume, listSeries, readVolume, spacingOf } from '../../src/volume';
import { valueAt } from './answers';
import { slice, writeDicom, type Element, type SliceOptions, type Style } from './dicomWriter';

const program = join(import.meta.dirname, '../../dist/voco.cjs');
const root = mkdtempSync(join(tmpdir(), 'voco-formats-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, `ünïcode ${++count}`);
  mkdirSync(folder);
});

const [COLUMNS, ROWS] = [5, 4];
/** Pixels that say where they are: 100 · slice + 10 · row + column. */
const pixelsOf = (k: number): Int16Array =>
  Int16Array.from({ length: COLUMNS * ROWS }, (_, i) => 100 * k + 10 * Math.floor(i / COLUMNS) + (i % COLUMNS) - 300);

type Change = (k: number) => { options?: Partial<SliceOptions>; elements?: readonly Element[] };

/** Slices 2 mm apart, in files whose names say nothing of their order. */
function series(places: readonly number[], change: Change = () => ({}), style: Style = {}, prefix = 'f'): string[] {
  return places.map((k, i) => {
    const { options, elements = [] } = change(k);
    const base = { position: [10, 20, 2 * k], instance: i + 1, pixels: pixelsOf(k), columns: COLUMNS };
    return writeDicom(
      join(folder, `${prefix}${(i * 7) % 11}`),
      [...slice({ ...base, ...options }), ...elements],
      style,
    );
  });
}

async function refusal(path: string, choice = {}): Promise<string> {
  const error: unknown = await readVolume(path, choice).then(
    () => new Error('it was read'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

/** Position of a pixel: 10 mm left and 20 mm posterior are −10 and −20 in RAS. */
const at = (column: number, row: number, k: number) => [-10 - 0.75 * column, -20 - 1.5 * row, 2 * k] as const;

async function rightlyRead(path: string, channels = 1) {
  const { volume, header } = await readVolume(path, { channel: 'all' });
  expect(volume.shape).toEqual([channels, COLUMNS, ROWS, 4]);
  spacingOf(volume.affine).forEach((mm, axis) => expect(mm).toBeCloseTo([0.75, 1.5, 2][axis]!, 6));
  expect(valueAt(volume, at(3, 2, 1))).toBe(pixelsOf(1)[2 * COLUMNS + 3]);
  expect(valueAt(volume, at(0, 0, 3))).toBe(pixelsOf(3)[0]);
  return header;
}

describe('DICOM files', () => {
  const styles: Record<string, Style> = {
    'implicit little endian': { implicit: true },
    'explicit little endian': {},
    deflated: { deflated: true },
    'implicit without preamble': { implicit: true, bare: true },
    'explicit without preamble': { bare: true },
  };
  for (const [name, style] of Object.entries(styles)) {
    it(`${name}: slices in no order, without ending, a text file beside`, async () => {
      series([2, 0, 3, 1], undefined, style);
      writeFileSync(join(folder, 'export.log'), 'done');
      await rightlyRead(folder);
    });
  }

  it('explicit big endian', async () => {
    const swapped = (k: number): Int16Array =>
      new Int16Array(new Uint8Array(Buffer.from(pixelsOf(k).buffer).swap16()).buffer);
    series([0, 1, 2, 3], (k) => ({ options: { pixels: swapped(k) } }), { big: true });
    await rightlyRead(folder);
  });

  it('12 bits stored, with something else in the upper ones', async () => {
    const dirty = (k: number): Int16Array => pixelsOf(k).map((value, i) => (value & 0xfff) | ((i % 16) << 12));
    series([0, 1, 2, 3], (k) => ({
      options: { pixels: dirty(k) },
      elements: [
        [0x00280101, 'US', 12],
        [0x00280102, 'US', 11],
      ],
    }));
    await rightlyRead(folder);
  });

  it('a slope that differs from slice to slice', async () => {
    series([0, 1, 2, 3], (k) => ({
      elements: [
        [0x00281053, 'DS', String(1 + k / 4)],
        [0x00281052, 'DS', '0'],
      ],
    }));
    const { volume } = await readVolume(folder);
    expect(valueAt(volume, at(4, 3, 2))).toBe(pixelsOf(2)[19]! * 1.5);
  });

  it('a slice that says nothing of its scaling beside others that do is told, and a table of values', async () => {
    const files = series([0, 1, 2, 3], (k) => ({ elements: k === 2 ? [] : [[0x00281052, 'DS', '-1024']] }));
    const { header, volume } = await readVolume(folder);
    expect(header.warnings.join()).toMatch(/^1 of 4 images gives no rescale slope and intercept.*such as /);
    expect(header.warnings.join()).toContain(files[2]);
    expect([1, 2].map((k) => valueAt(volume, at(0, 0, k)))).toEqual([pixelsOf(1)[0]! - 1024, pixelsOf(2)[0]]);
    files.forEach((file) => rmSync(file));
    series([0, 1, 2, 3], () => ({ elements: [[0x00283000, 'SQ', [[[0x00283004, 'LO', 'HU']]]]] }));
    expect((await readVolume(folder)).header.warnings.join()).toMatch(/^the values have a table of their own/);
  });

  it('a file stands for its series, whatever else is in the folder', async () => {
    const [first] = series([0, 1, 2, 3]);
    series([0, 1], () => ({ options: { series: '1.2.3.5', number: 2 } }), {}, 'g');
    await rightlyRead(first!);
  });

  it('names what holds no image', async () => {
    const objects = { '481.3': /RTSTRUCT/, '481.2': /dose/i, '66.4': /segmentation/i, '88.33': /report/i };
    for (const [sop, words] of Object.entries(objects)) {
      const file = writeDicom(join(folder, `o${sop}`), [
        ...slice({ position: [0, 0, 0], pixels: pixelsOf(0), columns: COLUMNS }),
        [0x00080016, 'UI', `1.2.840.10008.5.1.4.1.1.${sop}`],
      ]);
      expect(await refusal(file)).toMatch(words);
    }
    series([0, 1, 2, 3]);
    expect((await rightlyRead(folder)).warnings.join()).toMatch(/left out: .*RTSTRUCT/);
  });

  it('names the truncated file, and the one without pixels', async () => {
    const [, second] = series([0, 1, 2, 3]);
    const bytes = readFileSync(second!);
    writeFileSync(second!, bytes.subarray(0, bytes.length - 7));
    expect(await refusal(folder)).toBe(`${second}: truncated: 40 bytes of pixels expected, 33 found`);
    writeFileSync(second!, bytes.subarray(0, 300));
    expect(await refusal(folder)).toContain(`${second}: truncated or damaged`);
  });
});

it('a file whose series has a slice that cannot be read is refused by that slice, wherever it lies', async () => {
  for (const k of [1, 3]) {
    const files = series([0, 1, 2, 3], undefined, undefined, `g${k}-`);
    const whole = readFileSync(files[k]!);
    writeFileSync(files[k]!, whole.subarray(0, 180));
    expect(await refusal(files[0]!)).toBe(`${files[k]}: truncated or damaged: its DICOM header cannot be read`);
    expect(await refusal(folder)).toContain(files[k]);
    rmSync(files[k]!);
    const name = `${files[k]}.dcm`;
    writeFileSync(name, Buffer.alloc(500, 7));
    if (k === 1) expect(await refusal(files[0]!)).toMatch(`missing: a gap of 4.00 mm between`);
    const told = k === 1 ? await refusal(files[0]!) : (await readVolume(files[0]!)).header.warnings.join();
    expect(told).toContain(`1 file named like DICOM is none and was left out, such as ${name}`);
    for (const one of [...files, name]) rmSync(one, { force: true });
  }
});

describe('slices of which something else is there', () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1234\n`;
  it.each([
    ['a pointer of Git LFS', (file: string) => writeFileSync(file, pointer), 'git lfs pull'],
    ['nothing', (file: string) => writeFileSync(file, ''), 'the file is empty'],
    ['a link of git-annex', (file: string) => symlinkSync('../.git/annex/objects/aa/MD5E-s1--0', file), 'datalad get'],
  ])('%s is named, and no gap', async (_, put, said) => {
    series([0, 1, 3, 4]);
    put(join(folder, 'lost.dcm'));
    expect(await refusal(folder)).toMatch(new RegExp(`^${join(folder, 'lost.dcm')}: .*${said}`));
    await expect(resolveSources([{ folder }], root, { labels: false })).resolves.not.toHaveLength(0);
  });

  it('of a folder in which nothing else is stay a case, which says so', async () => {
    for (const name of ['a.dcm', 'b.dcm']) writeFileSync(join(folder, name), pointer);
    const cases = await resolveSources([{ folder }], root, { labels: false });
    expect(cases.map(({ image }) => image)).toEqual([join(folder, 'a.dcm')]);
    expect(await refusal(join(folder, 'a.dcm'))).toContain('git lfs pull');
  });

  it('are refused in one line by the program, whose readers are a bundle of their own', () => {
    series([0, 1, 3, 4]);
    const { status, stderr } = spawnSync('node', [program, 'info', folder], { encoding: 'utf8' });
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringMatching(/1 slice missing: a gap of .*; add what is missing/),
    ]);
    expect(status).toBe(1);
  });
});

describe('slices that are no plain stack', () => {
  it('a gap and uneven distances, with their places', async () => {
    series([0, 1, 3, 4]);
    expect(await refusal(folder)).toMatch(/1 slice missing: a gap of 4\.00 mm between z = 2 mm and z = 6 mm/);
    folder = join(root, 'uneven');
    series([0, 1, 2.4, 3]);
    expect(await refusal(folder)).toMatch(/not evenly spaced: 2\.80 mm between z = 2 mm and z = 4\.8 mm/);
  });

  it('a tilted gantry keeps its positions and tells the degrees', async () => {
    series([0, 1, 2, 3], (k) => ({ options: { position: [10, 20 + 0.5 * k, 2 * k] } }));
    const { volume, header } = await readVolume(folder);
    expect(header.warnings.join()).toMatch(/gantry tilt: .* 14\.0°/);
    expect(valueAt(volume, [-10, -21.5, 6])).toBe(pixelsOf(3)[0]);
  });

  it('copies are left out, and told', async () => {
    const files = series([0, 1, 2, 3]);
    mkdirSync(join(folder, 'again'));
    copyFileSync(files[1]!, join(folder, 'again', 'copy'));
    symlinkSync(folder, join(folder, 'again', 'loop'));
    expect((await rightlyRead(folder)).warnings.join()).toMatch(/1 image left out: a copy/);
  });

  it('different images at one position are a conflict, with both files', async () => {
    series([0, 1, 2, 3]);
    const [other] = series([1], () => ({ options: { pixels: pixelsOf(9) } }), {}, 'other');
    const message = await refusal(folder);
    expect(message).toMatch(/conflicting images: .* z = 2 mm/);
    expect(message).toContain(other);
  });

  it('phases are channels, told by what differs', async () => {
    for (const phase of [1, 2])
      series(
        [0, 1, 2, 3],
        (k) => ({
          options: { pixels: pixelsOf(k).map((value) => value + 1000 * (phase - 1)), instance: 10 * phase + k },
          elements: [[0x00200012, 'IS', String(phase)]],
        }),
        {},
        `p${phase}-`,
      );
    const header = await rightlyRead(folder, 2);
    expect(header.warnings.join()).toMatch(/4-D series: 2 images at each of 4 positions .* acquisition number/);
    const { volume } = await readVolume(folder, { channel: 1 });
    expect(valueAt(volume, at(1, 1, 2))).toBe(pixelsOf(2)[6]! + 1000);
  });

  it('phases of different length are listed as parts of the series', async () => {
    for (const phase of [1, 2])
      series(
        phase === 1 ? [0, 1, 2, 3] : [1, 2],
        (k) => ({ options: { pixels: pixelsOf(k + 20 * phase) }, elements: [[0x00200012, 'IS', String(phase)]] }),
        {},
        `q${phase}-`,
      );
    expect(await refusal(folder)).toMatch(/1#1: .*4 slices.*1#2: .*2 slices/);
    const { volume } = await readVolume(folder, { series: '1#2' });
    expect(volume.shape).toEqual([1, COLUMNS, ROWS, 2]);
  });

  it('two orientations are listed', async () => {
    series([0, 1, 2]);
    series([0, 1], () => ({ options: { orientation: '0\\1\\0\\0\\0\\-1' } }), {}, 'sagittal');
    expect(await refusal(folder)).toMatch(/2 orientations \(axial and sagittal\).*1#1: .*3 slices.*1#2: .*2 slices/);
  });

  it('several series are listed with descriptions, and each can be chosen', async () => {
    series([0, 1, 2, 3], () => ({ options: { description: 'Thin' } }));
    series([5, 6], () => ({ options: { description: 'Thick', series: '1.2.3.5', number: 7 } }), {}, 'g');
    expect(await refusal(folder)).toMatch(/2 series.*"Thin" \(CT, 4 slices.*"Thick" \(CT, 2 slices/);
    const found = (await listSeries(folder)).series.map(({ key, slices }) => [key, slices]);
    expect(found).toEqual([
      ['1', 4],
      ['7', 2],
    ]);
    for (const choice of ['7', '1.2.3.5']) {
      const { volume } = await readVolume(folder, { series: choice });
      expect(valueAt(volume, at(2, 1, 6))).toBe(pixelsOf(6)[7]);
    }
    expect(await refusal(folder, { series: '9' })).toMatch(/has no series 9/);
  });
});

describe('conversion to NIfTI', () => {
  it('keeps values and places, writes nothing of the patient unless asked, and overwrites only when told', async () => {
    series([2, 0, 3, 1]);
    const out = join(folder, 'ct.nii.gz');
    await convertVolume({ input: folder, out });
    await rightlyRead(out);
    const json = readFileSync(join(folder, 'ct.json'), 'utf8');
    expect(JSON.parse(json)).toMatchObject({ Modality: 'CT', SeriesDescription: 'Made', SliceThickness: 2 });
    expect(json).not.toMatch(/Doe|4711|2024|1\.2\.3/);
    await expect(convertVolume({ input: folder, out })).rejects.toThrow(/ct\.nii\.gz: is there already/);
    await convertVolume({ input: folder, out, force: true, identity: true });
    expect(readFileSync(join(folder, 'ct.json'), 'utf8')).toMatch(/Doe\^Jane[^]*ID-4711/);
  });

  it('leaves no file behind when the input is refused', async () => {
    series([0, 1, 3]);
    const out = join(folder, 'gap.nii.gz');
    await expect(convertVolume({ input: folder, out })).rejects.toThrow(/missing/);
    expect(existsSync(out)).toBe(false);
  });
});

describe('files of one volume', () => {
  const voxels = Int16Array.from({ length: 24 }, (_, i) => i * 31 - 300);
  const little = Buffer.from(voxels.buffer);
  const big = Buffer.from(little).swap16();
  const write = (name: string, ...parts: (string | Uint8Array)[]): string => {
    writeFileSync(join(folder, name), Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
    return join(folder, name);
  };
  /** Voxel (1, 2, 1) of 2 × 3 × 4 voxels of 1 × 2 × 3 mm from (10, 20, 30) on, in left-posterior-superior. */
  async function right(file: string): Promise<void> {
    const { volume } = await readVolume(file);
    expect(volume.shape).toEqual([1, 2, 3, 4]);
    expect(valueAt(volume, [-11, -24, 33])).toBe(voxels[1 + 2 * (2 + 3 * 1)]);
  }
  const nrrd =
    'NRRD0005\n# made\ntype: short\ndimension: 3\nspace: LPS\nsizes: 2 3 4\nspace directions: (1,0,0) (0,2,0) (0,0,3)\n' +
    'space origin: (10,20,30)\n';
  const meta =
    'ObjectType = Image\nNDims = 3\nOffset = 10 20 30\nElementSpacing = 1 2 3\nDimSize = 2 3 4\nElementType = MET_SHORT\n';

  it('NRRD in every encoding, attached and detached', async () => {
    await right(write('raw.nrrd', `${nrrd}endian: little\nencoding: raw\n\n`, little));
    await right(write('big.nrrd', `${nrrd}endian: big\nencoding: gzip\n\n`, gzipSync(big)));
    await right(write('ascii.nrrd', `${nrrd}encoding: ascii\n\n`, [...voxels].join(' ')));
    await right(write('hex.nrrd', `${nrrd}endian: big\nencoding: hex\n\n`, big.toString('hex')));
    await right(write('crlf', `${nrrd}endian: little\nencoding: raw\n\n`.replaceAll('\n', '\r\n'), little));
    write('skip.raw', 'one\ntwo\nxx', little);
    await right(
      write('skip.nhdr', `${nrrd}endian: little\nencoding: raw\nline skip: 2\nbyte skip: 2\ndata file: skip.raw\n`),
    );
    await right(write('end.nhdr', `${nrrd}endian: little\nencoding: raw\nbyte skip: -1\ndata file: skip.raw\n`));
    for (let k = 0; k < 4; k++) write(`s${k}.raw`, little.subarray(12 * k, 12 * k + 12));
    await right(write('number.nhdr', `${nrrd}endian: little\nencoding: raw\ndata file: s%d.raw 0 3 1\n`));
    await right(
      write('list.nhdr', `${nrrd}endian: little\nencoding: raw\ndata file: LIST\ns0.raw\ns1.raw\ns2.raw\ns3.raw\n`),
    );
    rmSync(join(folder, 's2.raw'));
    expect(await refusal(join(folder, 'list.nhdr'))).toMatch(/s2\.raw: the data file is missing: .*list\.nhdr/);
    expect(await refusal(write('short.nrrd', `${nrrd}endian: little\nencoding: raw\n\n`, little.subarray(1)))).toMatch(
      /truncated/,
    );
    const half = gzipSync(little).subarray(0, 30);
    expect(await refusal(write('half.nrrd', `${nrrd}endian: little\nencoding: gzip\n\n`, half))).toMatch(/truncated/);
    const colours =
      'NRRD0004\ntype: uchar\ndimension: 4\nsizes: 3 2 3 4\nkinds: RGB-color domain domain domain\nencoding: raw\n\n';
    expect(await refusal(write('rgb.nrrd', colours, new Uint8Array(72)))).toMatch(/colour/);
  });

  it('layers of a segmentation are channels, each voxel in its place', async () => {
    const head =
      'NRRD0004\ntype: unsigned char\ndimension: 4\nspace: left-posterior-superior\nsizes: 2 2 3 4\nkinds: list domain domain domain\n' +
      'space directions: none (1,0,0) (0,2,0) (0,0,3)\nspace origin: (10,20,30)\nencoding: raw\nSegment0_ID:=a\nSegment0_Name:=Liver\n' +
      'Segment0_LabelValue:=1\nSegment0_Layer:=0\nSegment1_ID:=b\nSegment1_Name:=Tumour\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n\n';
    const file = write(
      'two.seg.nrrd',
      head,
      Uint8Array.from({ length: 48 }, (_, i) => i),
    );
    const { volume, header } = await readVolume(file, { channel: 'all' });
    expect(volume.shape).toEqual([2, 2, 3, 4]);
    expect([0, 1].map((layer) => valueAt(volume, [-11, -24, 33], layer))).toEqual([22, 23]);
    expect(header.foreign?.segments?.map(({ name, layer }) => [name, layer])).toEqual([
      ['Liver', 0],
      ['Tumour', 1],
    ]);
    expect(header.warnings.join()).toMatch(/overlap .* 2 layers/);
  });

  it('MetaImage in every form', async () => {
    await right(write('a.mha', `${meta}ElementDataFile = LOCAL\n`, little));
    await right(write('msb.mha', `${meta}BinaryDataByteOrderMSB = True\nElementDataFile = LOCAL\n`, big));
    await right(write('zip.mha', `${meta}CompressedData = True\nElementDataFile = LOCAL\n`, deflateSync(little)));
    await right(write('text.mha', `${meta}BinaryData = False\nElementDataFile = LOCAL\n`, [...voxels].join('\n')));
    for (let k = 0; k < 4; k++) write(`s${k}.raw`, little.subarray(12 * k, 12 * k + 12));
    await right(write('list.mhd', `${meta}ElementDataFile = LIST\ns0.raw\ns1.raw\ns2.raw\ns3.raw\n`));
    await right(write('pattern.mhd', `${meta}ElementDataFile = s%d.raw 0 3 1\n`));
    write('head.raw', 'header', little);
    await right(write('head.mhd', `${meta}HeaderSize = -1\nElementDataFile = head.raw\n`));
    expect(await refusal(write('gone.mhd', `${meta}ElementDataFile = gone.raw\n`))).toMatch(/gone\.raw: .*missing/);
    expect(await refusal(write('cut.mha', `${meta}ElementDataFile = LOCAL\n`, little.subarray(4)))).toMatch(
      /truncated/,
    );
  });

  it('MGH, plain and packed, and what is no volume by its name or content', async () => {
    const header = Buffer.alloc(284);
    [1, 2, 3, 4, 1, 4].forEach((value, i) => header.writeInt32BE(value, 4 * i));
    header.writeInt16BE(1, 28);
    // The centre, (size / 2) voxels from the first one, is at RAS (−11, −23, 36).
    const reals = [1, 2, 3, -1, 0, 0, 0, -1, 0, 0, 0, 1, -11, -23, 36];
    reals.forEach((value, i) => header.writeFloatBE(value, 30 + 4 * i));
    await right(write('a.mgh', header, big));
    await right(write('a.mgz', gzipSync(Buffer.concat([header, big]))));
    expect(await refusal(write('cut.mgh', header, big.subarray(2)))).toMatch(/truncated/);
    expect(await refusal(write('text.nrrd', 'hello'))).toMatch(/is no NRRD file/);
    expect(await refusal(write('picture.dcm', '\x89PNG\r\n\x1a\n'))).toMatch(/./);
  });
});

describe('the data of a config', () => {
  it('one case for each series below a folder or pattern, other volumes as they are', async () => {
    const home = folder;
    folder = join(home, 'patient 1', 'A');
    series([0, 1, 2, 3]);
    folder = join(home, 'patient 2');
    series([0, 1, 2, 3]);
    series([0, 1], () => ({ options: { series: '1.2.3.5', number: 2 } }), {}, 'zz');
    writeFileSync(join(home, 'x.mha'), '');
    writeFileSync(join(home, 'y.nii.gz'), '');
    writeFileSync(join(home, 'LICENSE'), 'text');
    const images = async (source: { folder: string } | { glob: string }) =>
      (await resolveSources([source], home, { labels: false })).map(({ image }) =>
        String(image).slice(home.length + 1),
      );
    const right = ['patient 1/A', 'patient 2/f0', 'patient 2/zz0', 'x.mha', 'y.nii.gz'];
    expect(await images({ folder: '.' })).toEqual(right);
    expect(await images({ glob: '**/*' })).toEqual(right);
  });
});
