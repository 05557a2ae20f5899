import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UserError, fileError } from '../../errors/userError';
import { isDicomDir, mayBeDicom } from '../../files/dicomFolder';
import { fewAtATime } from '../../files/fewAtATime';
import { isDicomName } from '../../files/volumeNames';
import { counted, plural } from '../../text';
import { looksLikeDicom } from '../detect';
import { readBytes } from '../fileBytes';
import { NeedsMore, parseDicom, type Parsed } from './dataset';
import { danglingLink, refusePointer } from '../pointers';
import { framesOf } from './frames';
import { noVolume } from './objects';
import type { FileInfo } from './types';

/** Bytes that hold the header of most files. */
const FIRST = 1 << 14;
const DIRECTORY_CLASS = '1.2.840.10008.1.3.10';

/** Of a file whose values are looked up in a table (ModalityLUTSequence) instead of multiplied and shifted. */
const LUT = 'the values have a table of their own (modality LUT), which is not applied: they are as stored';

/** What a scan of a folder or file found. */
export interface Scan {
  readonly files: readonly FileInfo[];
  /** Files that say they are DICOM and cannot be read, with what is wrong. */
  readonly damaged: readonly string[];
  readonly warnings: readonly string[];
}

/** Whether a file is called as one of DICOM, or as one may be. */
const likeDicom = (path: string): boolean => isDicomName(path) || mayBeDicom(path);

/** Refuses what stands in the place of a slice: nothing, or a pointer to a file that was not fetched. Leaving it out would look like a gap. */
function refuseEmptySlice(file: string, bytes: Uint8Array): void {
  if (bytes.length === 0 && isDicomName(file)) throw new UserError(`${file}: the file is empty`);
  if (likeDicom(file)) refusePointer(file, bytes);
}

/**
 * Parses a file up to its pixels, reading no more than that takes; undefined when it is no DICOM.
 *
 * @throws UserError naming `file` when it is DICOM and damaged
 */
export async function parseFile(file: string): Promise<{ parsed: Parsed; length: number } | undefined> {
  const { size } = await stat(file).catch(async (error: unknown) => {
    throw (await danglingLink(file)) ?? fileError(error, file, 'read the file');
  });
  for (let count = FIRST; ; count *= 8) {
    const bytes = await readBytes(file, 0, count);
    if (count === FIRST && !looksLikeDicom(bytes)) {
      refuseEmptySlice(file, bytes);
      return undefined;
    }
    try {
      return { parsed: parseDicom(bytes, bytes.length >= size), length: size };
    } catch (error) {
      if (error instanceof NeedsMore && bytes.length < size) continue;
      if (bytes.toString('latin1', 128, 132) !== 'DICM') return undefined;
      throw new UserError(`${file}: truncated or damaged: its DICOM header cannot be read`, 1, { cause: error });
    }
  }
}

/** What is wrong with where the pixels are; undefined when nothing is. */
function problemOf(parsed: Parsed, length: number, image: Omit<FileInfo, 'problem'>): string | undefined {
  const { pixels } = parsed;
  if (!pixels) return 'truncated, or without pixel data: the image ends with its header';
  if (image.rows < 1 || image.columns < 1) return 'the header gives no rows and columns: the file is damaged';
  if (pixels.length === undefined) return undefined;
  const there = (parsed.deflated ? parsed.bytes.length : length) - pixels.offset;
  const needed = Math.ceil((image.rows * image.columns * image.frameCount * image.bitsAllocated) / 8);
  const found = Math.min(there, pixels.length);
  return found < needed ? `truncated: ${needed} bytes of pixels expected, ${found} found` : undefined;
}

function infoOf(path: string, length: number, parsed: Parsed): FileInfo {
  const { data } = parsed;
  const size = { rows: data.short('x00280010') ?? 0, columns: data.short('x00280011') ?? 0 };
  const bitsAllocated =
    data.short('x00280100') ?? (parsed.pixels?.kind === 'double' ? 64 : parsed.pixels?.kind === 'float' ? 32 : 16);
  const bitsStored = data.short('x00280101') ?? bitsAllocated;
  const other = noVolume(data) ?? (bitsAllocated === 1 ? 'an image of one bit a pixel: a mask, no image' : undefined);
  const isImage = parsed.pixels !== undefined || size.rows > 0;
  const what = other ?? (isImage ? undefined : 'an object without pixel data: no image');
  const { frames, warnings, refused } = what
    ? { frames: [], warnings: [], refused: undefined }
    : framesOf(parsed, size);
  const info: Omit<FileInfo, 'problem'> = {
    path,
    length,
    transferSyntax: parsed.transferSyntax,
    bigEndian: parsed.bigEndian,
    deflated: parsed.deflated,
    pixels: parsed.pixels,
    ...size,
    bitsAllocated,
    bitsStored,
    highBit: data.short('x00280102') ?? bitsStored - 1,
    signed: data.short('x00280103') === 1,
    photometric: data.text('x00280004'),
    frameCount: data.number('x00280008') ?? 1,
    frames,
    series: {
      uid: data.text('x0020000e') || `(no series UID) ${dirname(path)}`,
      number: data.number('x00200011') ?? null,
      description: data.text('x0008103e') || data.text('x00181030'),
      modality: data.text('x00080060'),
    },
    sopUid: data.text('x00080018'),
    warnings: data.has('x00283000') && frames.some(({ rescaled }) => !rescaled) ? [...warnings, LUT] : warnings,
    ...((what ?? refused) && { other: what ?? refused }),
  };
  const problem = what === undefined && !refused ? problemOf(parsed, length, info) : undefined;
  return problem ? { ...info, problem } : info;
}

/** Files of a folder and of those in it, by name; links are followed, each folder is listed once, at its own path where it has one. */
export async function filesIn(folder: string, deep: boolean): Promise<string[]> {
  const walk: Walk = { files: [], visited: new Set(), links: [] };
  await list(folder, deep, walk);
  for (let link = walk.links.shift(); link !== undefined; link = walk.links.shift()) await list(link, deep, walk);
  return walk.files.sort((a, b) => (a < b ? -1 : 1));
}

interface Walk {
  readonly files: string[];
  /** Real paths. */
  readonly visited: Set<string>;
  /** Linked folders, listed when all others are. */
  readonly links: string[];
}

async function list(folder: string, deep: boolean, walk: Walk): Promise<void> {
  let entries;
  let real: string;
  try {
    entries = await readdir(folder, { withFileTypes: true });
    real = await realpath(folder);
  } catch (error) {
    throw fileError(error, folder, 'list the folder');
  }
  if (walk.visited.has(real)) return;
  walk.visited.add(real);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    const kind = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
    // A link to a slice that is not there is told when it is read.
    if (kind?.isFile() || (kind === undefined && likeDicom(path))) walk.files.push(path);
    else if (kind?.isDirectory() && deep && entry.isSymbolicLink()) walk.links.push(path);
    else if (kind?.isDirectory() && deep) await list(path, deep, walk);
  }
}

/** Reads the headers of files; what is no DICOM is passed over. */
async function scanFiles(paths: readonly string[], warnings: readonly string[] = []): Promise<Scan> {
  const damaged: string[] = [];
  const files: FileInfo[] = [];
  const strangers: string[] = [];
  const found = await fewAtATime(paths, async (path) => {
    try {
      return await parseFile(path);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      damaged.push(error.message);
      return null;
    }
  });
  found.forEach((one, i) => {
    const path = paths[i]!;
    if (!one) {
      if (one === undefined && isDicomName(path)) strangers.push(path);
      return;
    }
    if (one.parsed.data.text('x00080016') === DIRECTORY_CLASS || one.parsed.data.has('x00041220')) return;
    files.push(infoOf(path, one.length, one.parsed));
  });
  const [first] = strangers;
  const strange =
    first !== undefined
      ? [
          `${counted(strangers.length, 'file')} named like DICOM ${plural(strangers.length, 'is none and was', 'are none and were')} left out, such as ${first}`,
        ]
      : [];
  return { files, damaged: damaged.sort(), warnings: [...warnings, ...strange] };
}

/** The files that a DICOMDIR names: those that are there, and how many are not. */
async function filesOfDirectory(file: string, parsed: Parsed): Promise<{ paths: string[]; missing: string[] }> {
  const folder = dirname(file);
  const named = parsed.data
    .items('x00041220')
    .map((record) => record.texts('x00041500'))
    .filter((parts) => parts.length > 0);
  const there = new Map((await filesIn(folder, true)).map((path) => [keyOf(path.slice(folder.length)), path]));
  const paths = new Set<string>();
  const missing: string[] = [];
  for (const parts of named) {
    const path = there.get(keyOf(parts.join('/')));
    if (path) paths.add(path);
    else missing.push(parts.join('/'));
  }
  return { paths: [...paths], missing };
}

/** File names of discs come in either case, with or without a version (`;1`) or a dot at the end. */
const keyOf = (path: string): string =>
  path.replaceAll('\\', '/').replace(/^\/+/, '').replace(/;\d+$/, '').replace(/\.$/, '').toLowerCase();

/** A scan, and the file that was asked for where it was a file of a series. */
export interface Target extends Scan {
  readonly target?: FileInfo;
}

/**
 * Reads the headers behind a path: all files in a folder and below, those that a DICOMDIR names, or, for a single file, those of its
 * series beside it.
 *
 * @throws UserError naming the path when there is no DICOM
 */
export async function scan(path: string): Promise<Target> {
  const absolute = resolve(path);
  const status = await stat(absolute).catch((error: unknown) =>
    Promise.reject(fileError(error, path, 'read the file')),
  );
  if (status.isDirectory()) {
    const found = await scanFiles(await filesIn(absolute, true));
    if (found.files.length === 0 && found.damaged.length === 0)
      throw new UserError(`${path}: is a folder, not a regular file, and no DICOM file is in it`);
    return found;
  }
  const own = await parseFile(absolute);
  if (!own) throw new UserError(`${path}: is no DICOM file`);
  if (own.parsed.data.has('x00041220') || isDicomDir(absolute)) {
    const { paths, missing } = await filesOfDirectory(absolute, own.parsed);
    if (paths.length === 0)
      throw new UserError(`${path}: none of the ${missing.length} files that this DICOMDIR names is there`);
    const warnings =
      missing.length > 0
        ? [
            `${counted(missing.length, 'file')} that the DICOMDIR names ${missing.length > 1 ? 'are' : 'is'} missing: ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}`,
          ]
        : [];
    return scanFiles(paths, warnings);
  }
  const target = infoOf(absolute, own.length, own.parsed);
  if (target.other !== undefined || target.frameCount > 1)
    return { files: [target], damaged: [], warnings: [], target };
  const beside = await scanFiles((await filesIn(dirname(absolute), false)).filter((one) => one !== absolute));
  const same = beside.files.filter(
    ({ series, sopUid }) => series.uid === target.series.uid && (sopUid === '' || sopUid !== target.sopUid),
  );
  const files = [target, ...same].sort((a, b) => (a.path < b.path ? -1 : 1));
  // What cannot be read beside it may be a slice of it: left out without a word, the volume would be shorter.
  return { files, damaged: beside.damaged, warnings: beside.warnings, target };
}
