// Small valid files of every format that is read, and what an enemy or a bad disk makes of them. All by a seed.
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

/** A seeded generator: numbers from 0 up to 1 (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const latin = (text) => Buffer.from(text, 'latin1');
const voxels = (count) => Buffer.from(Array.from({ length: count }, (_, i) => i % 251));

function nifti(size = [8, 8, 8], data = voxels(size[0] * size[1] * size[2])) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, ...size, 1, 1, 1, 1].forEach((n, i) => header.writeInt16LE(n, 40 + 2 * i));
  header.writeInt16LE(2, 70);
  header.writeInt16LE(8, 72);
  [1, 1, 1, 1].forEach((n, i) => header.writeFloatLE(n, 76 + 4 * i));
  header.writeFloatLE(352, 108);
  header.writeInt16LE(1, 254);
  [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0].forEach((n, i) => header.writeFloatLE(n, 280 + 4 * i));
  header.write('n+1\0', 344, 'latin1');
  return Buffer.concat([header, data]);
}

function nrrd(encoding, fields = '') {
  const data = voxels(512);
  const text = `NRRD0004\ntype: uint8\ndimension: 3\nsizes: 8 8 8\nspace: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nspace origin: (0,0,0)\n${fields}encoding: ${encoding}\n\n`;
  return Buffer.concat([latin(text), encoding === 'gzip' ? gzipSync(data) : data]);
}

const mha = () =>
  Buffer.concat([
    latin(
      'ObjectType = Image\nNDims = 3\nDimSize = 8 8 8\nElementSpacing = 1 1 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n',
    ),
    voxels(512),
  ]);

function mgh() {
  const header = Buffer.alloc(284);
  [1, 8, 8, 8, 1, 0].forEach((n, i) => header.writeInt32BE(n, 4 * i));
  return Buffer.concat([header, voxels(512)]);
}

function element(group, number, vr, value) {
  const long = ['OB', 'OW', 'SQ'].includes(vr);
  const head = Buffer.alloc(long ? 12 : 8);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(number, 2);
  head.write(vr, 4, 'latin1');
  if (long) head.writeUInt32LE(value.length, 8);
  else head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}
const even = (text) => latin(text.length % 2 ? `${text} ` : text);
const short = (value) => Buffer.from([value & 255, value >> 8]);

function dicom({ rows = 8, columns = 8, frames = '1', syntax = '1.2.840.10008.1.2.1', pixels = voxels(64) } = {}) {
  return Buffer.concat([
    Buffer.alloc(128),
    latin('DICM'),
    element(2, 0x10, 'UI', latin(syntax.length % 2 ? `${syntax}\0` : syntax)),
    element(8, 0x16, 'UI', latin('1.2.840.10008.5.1.4.1.1.2\0')),
    element(8, 0x60, 'CS', latin('CT')),
    element(0x20, 0xe, 'UI', latin('1.2.3\0')),
    element(0x20, 0x13, 'IS', latin('1 ')),
    element(0x20, 0x32, 'DS', even('0\\0\\0')),
    element(0x20, 0x37, 'DS', even('1\\0\\0\\0\\1\\0')),
    element(0x28, 2, 'US', short(1)),
    element(0x28, 4, 'CS', even('MONOCHROME2')),
    element(0x28, 8, 'IS', even(frames)),
    element(0x28, 0x10, 'US', short(rows)),
    element(0x28, 0x11, 'US', short(columns)),
    element(0x28, 0x30, 'DS', even('1\\1')),
    element(0x28, 0x100, 'US', short(8)),
    element(0x28, 0x101, 'US', short(8)),
    element(0x28, 0x102, 'US', short(7)),
    element(0x28, 0x103, 'US', short(0)),
    element(0x7fe0, 0x10, 'OB', pixels),
  ]);
}

/** A zip file without any check of what it says. */
function zip(entries) {
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const { name, content, deflate, claims } of entries) {
    const data = deflate ? deflateRawSync(content) : Buffer.from(content);
    const local = Buffer.alloc(30 + name.length);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    local.write(name, 30, 'latin1');
    const central = Buffer.alloc(46 + name.length);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(deflate ? 8 : 0, 10);
    central.writeUInt32LE(crc32(content), 16);
    central.writeUInt32LE(data.length, 20);
    central.writeUInt32LE(claims ?? content.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    central.write(name, 46, 'latin1');
    parts.push(local, data);
    directory.push(central);
    offset += local.length + data.length;
  }
  const bytes = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(bytes.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, bytes, end]);
}

const bytes32 = (value) => String.fromCharCode(...[0, 8, 16, 24].map((shift) => (value >>> shift) & 255));
const text = (value) => `X${bytes32(value.length)}${value}`;
const size = (...values) => `(${values.map((value) => `J${bytes32(value)}`).join('')}t`;
const storage = '(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02tQ';
const tensor = (shape = size(2), strides = size(1)) =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00${shape}${strides}\x89}tR`;
const torch = (pickle, more = []) =>
  zip([
    { name: 'archive/data.pkl', content: latin(`\x80\x02${pickle}`) },
    { name: 'archive/data/0', content: Buffer.from([0, 0, 128, 63, 0, 0, 0, 64]) },
    ...more,
  ]);
const dict = (value = tensor()) => `}(${text('w')}${value}u.`;

function safetensors(header, data = Buffer.alloc(8)) {
  const json = latin(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}
const weights = { w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } };

const config = (train = [{ glob: 'images/*.nii.gz' }], more = {}) => ({ kind: 'pretrain', data: { train }, ...more });
const json = (value) => Buffer.from(JSON.stringify(value));

/** Names, valid content, and where numbers stand that a bomb makes large: `[offset, bytes, big endian]`. */
const SEEDS = [
  { name: 'a.nii', content: nifti(), numbers: [[42, 2], [44, 2], [46, 2], [48, 2], [70, 2], [76, 4], [108, 4]] },
  { name: 'a.nii.gz', content: nifti(), gzip: true, numbers: [[42, 2], [44, 2], [46, 2], [48, 2]] },
  { name: 'a.nrrd', content: nrrd('raw'), words: true },
  { name: 'b.nrrd', content: nrrd('gzip'), words: true },
  { name: 'a.mha', content: mha(), words: true },
  { name: 'a.mgh', content: mgh(), numbers: [[4, 4, true], [8, 4, true], [12, 4, true], [16, 4, true]] },
  { name: 'a.mgz', content: mgh(), gzip: true, numbers: [[4, 4, true], [8, 4, true], [12, 4, true], [16, 4, true]] },
  { name: 'a.dcm', content: dicom() },
  { name: 'a.pt', content: torch(dict()) },
  { name: 'b.pth', content: torch(`}(${text('state_dict')}}(${text('a.b')}${tensor()}${text('n')}K\x01uu.`) },
  { name: 'a.safetensors', content: safetensors(weights), words: true },
  { name: 'a.voco.json', content: json(config()), words: true },
  { name: 'dataset.json', content: json({ training: [{ image: 'a.nii.gz', label: 'b.nii.gz' }] }), words: true },
  { name: 'list.csv', content: latin('image,label\na.nii.gz,b.nii.gz\n'), words: true },
]; // prettier-ignore

const deep = (levels) => '['.repeat(levels) + ']'.repeat(levels);
const put = (index) => `r${bytes32(index)}`;
const get = (index) => `j${bytes32(index)}`;
const many = (count, one) => Array.from({ length: count }, (_, i) => one(i)).join('');
const attack = (module, name, command) => `c${module}\n${name}\n(${text(command)}tR.`;

/** Files whose every part is well made, and whose sum is not. @param canary a path that nothing may make */
export function bombs(canary) {
  const zeros = gzipSync(nifti([2000, 1000, 1000], Buffer.alloc(1 << 26)));
  const run = `touch ${canary}`;
  return [
    ['gzip that claims 2 GB.nii.gz', zeros],
    ['overlong.nrrd', latin(`NRRD0004\n${' '.repeat(1e6)}x\n\n`)],
    ['blanks.nrrd', latin(`NRRD0004\ncontent: ${' '.repeat(1e6)}x\nsizes: 1 1 1\n\n`)],
    ['blanks.mha', latin(`ObjectType = Image\nComment ${' '.repeat(1e6)}x\nDimSize = 1\n`)],
    ['files.nrrd', nrrd('raw', 'data file: x%0999999999d.raw 1 900000000000 1\n')],
    ['frames.dcm', dicom({ frames: '999999999999' })],
    ['large.dcm', dicom({ rows: 65535, columns: 65535, syntax: '1.2.840.10008.1.2.5' })],
    ['many.dcm', dicom({ frames: '90000', pixels: voxels(1 << 16) })],
    ['names.pt', torch(`${text('m'.repeat(1 << 20))}${put(1)}0${many(20_000, () => `${get(1)}${get(1)}\x930`)}N.`)],
    ['pairs.pt', torch(`](${many(60_000, () => 'K\x01K\x02\x86')}e${put(1)}0ccollections\nOrderedDict\n${put(2)}0${many(60_000, () => `${get(2)}${get(1)}\x85R0`)}N.`)],
    ['dicts.pt', torch(`${'}0'.repeat(2_500_000)}N.`)],
    ['stride.pt', torch(dict(tensor(size(1 << 14, 1 << 14), size(0, 0))))],
    ['strides.pt', torch(`}(${many(60, (i) => text(`w${i}`) + tensor(size(1 << 13, 1 << 12), size(0, 0)))}u.`)],
    ['zeros.pt', torch(dict(), Array.from({ length: 60 }, (_, i) => ({ name: `archive/data/x${i}`, content: Buffer.alloc(1 << 23), deflate: true })))],
    ['plan.pt', torch(`${many(9, (level) => (level === 0 ? `}${put(0)}0` : `}(${many(100, (i) => text(`k${i}`) + get(level - 1))}u${put(level)}0`))}}(${text('nnssl_adaptation_plan')}${get(8)}u.`)],
    ['many names.pt', torch(`}(${many(29_000, (i) => text(`x${i}`.padEnd(90, 'ab.')) + (i === 0 ? tensor() + put(7) : get(7)))}u.`)],
    ['system.pt', torch(attack('posix', 'system', run))],
    ['popen.pt', torch(dict(attack('subprocess', 'Popen', run).slice(0, -1)))],
    ['eval.pt', torch(attack('builtins', 'eval', `__import__("os").system("${run}")`))],
    ['legacy.pt', latin(`\x80\x02${attack('os', 'system', run)}`)],
    ['deep.safetensors', safetensors(`{"a":${deep(1e5)}}`)],
    ['empty lists.safetensors', safetensors(`{"a":[${'[],'.repeat(2e6)}[]]}`)],
    ['twice.safetensors', safetensors('{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}')],
    ['deep.voco.json', latin(deep(1e5))],
    ['keys.voco.json', latin(`{"kind":"pretrain",${many(5000, (i) => `"key${i}":1,`)}"x":1}`)],
    ['entries.voco.json', json(config(new Array(200_000).fill(1)))],
    ['lines.voco.json', latin(`{\n${many(10_000, (i) => `"key${i}": ${i},\n`)}"x": 1}`)],
    ['number.voco.json', latin('{"kind":"pretrain","data":{"train":[{"glob":"a"}]},"optimizer":{"lr":1e999}}')],
    ['prototype.voco.json', latin('{"kind":"pretrain","data":{"train":[{"glob":"a"}]},"__proto__":{"a":1}}')],
    ['stars.voco.json', json(config([{ glob: 'images/*a*a*a*a*a*a*b' }]))],
    ['device.voco.json', json(config([{ datalist: '/dev/zero' }]))],
    ['proc.voco.json', json(config([{ datalist: '/proc/kmsg' }]))],
    ['deep.json', latin(`{"training":${deep(1e5)}}`)],
    ['prototype.json', latin('{"training":[{"image":"a.nii.gz","__proto__":{"fold":1}}],"__proto__":1}')],
    ['wide.csv', latin(`image${','.repeat(1e6)}\na.nii.gz\n`)],
  ]; // prettier-ignore
}

function largeNumber(next) {
  const choices = [0, -1, 1, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff];
  return choices[Math.floor(next() * choices.length)];
}

function inflateDimensions({ content, numbers = [], words }, next) {
  const out = Buffer.from(content);
  if (words) {
    const large = ['0', '-1', '1e999', '99999999999', '9007199254740993', 'NaN', '4294967296'];
    return latin(
      out.toString('latin1').replace(/\b\d+\b/g, (n) => (next() < 0.3 ? large[Math.floor(next() * large.length)] : n)),
    );
  }
  for (const [at, bytes, big] of numbers) {
    if (next() < 0.5) continue;
    const value = largeNumber(next);
    const masked = bytes === 2 ? value & 0xffff : value >>> 0;
    if (bytes === 2) out.writeUInt16LE(masked, at);
    else if (big) out.writeUInt32BE(masked, at);
    else out.writeUInt32LE(masked, at);
  }
  return out;
}

function flipBits(content, next) {
  const out = Buffer.from(content);
  const flips = 1 + Math.floor(next() * 32);
  // Headers are where a flip matters most.
  for (let i = 0; i < flips; i++) {
    const reach = next() < 0.7 ? Math.min(out.length, 512) : out.length;
    out[Math.floor(next() * reach)] ^= 1 << Math.floor(next() * 8);
  }
  return out;
}

/** One damaged file. @returns its name and content */
export function damaged(next) {
  const seed = SEEDS[Math.floor(next() * SEEDS.length)];
  const way = next();
  let content = seed.content;
  if (way < 0.3) content = inflateDimensions(seed, next);
  else if (way < 0.75) content = flipBits(content, next);
  if (seed.gzip) content = gzipSync(content);
  if (seed.gzip && next() < 0.2) content = flipBits(content, next);
  if (way >= 0.75) content = content.subarray(0, Math.floor(next() * content.length));
  return { name: seed.name, content };
}
