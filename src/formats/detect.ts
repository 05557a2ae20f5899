import { open } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { AdvisedError, UserError } from '../errors/userError';
import { regularFile } from '../files/regular';
import type { FormatName } from './types';

/** Bytes that are looked at. */
const PROBE = 4096;

/** Files that are no volume of any kind, by their first bytes. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG/, 'a PNG picture'],
  [/^\xff\xd8\xff/, 'a JPEG picture'],
  [/^(II\*\0|MM\0\*)/, 'a TIFF picture'],
  [/^BM.{4}\0\0\0\0/s, 'a BMP picture'],
  [/^PK\x03\x04/, 'a zip archive: unpack it'],
  [/^7z\xbc\xaf/, 'a 7z archive: unpack it'],
  [/^.{257}ustar/s, 'a tar archive: unpack it'],
  [/^\x89HDF/, 'an HDF5 file (as MINC 2 is): convert it to NIfTI'],
  [/^CDF\x01/, 'a netCDF file (as MINC 1 is): convert it to NIfTI'],
  [/^%PDF/, 'a PDF document'],
  [/^(\xef\xbb\xbf)?\s*[{[]/, 'a JSON file'],
];

/** Extensions, for files whose first bytes are not what the name says. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/\.(nrrd|nhdr)$/i, 'NRRD'],
  [/\.(mha|mhd)$/i, 'MetaImage'],
  [/\.(mgz|mgh)$/i, 'MGH'],
  [/\.(dcm|dicom|ima)$/i, 'DICOM'],
];

/** The first bytes of a file as text of one character a byte; undefined for a folder and for what cannot be read. */
async function firstBytes(file: string): Promise<Buffer | 'folder' | undefined> {
  try {
    const status = await regularFile(file);
    if (status.isDirectory()) return 'folder';
    const handle = await open(file, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(PROBE), 0, PROBE, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    // Who reads the file next says what is wrong.
    return undefined;
  }
}

function inflated(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}

function looksLikeMgh(bytes: Buffer): boolean {
  if (bytes.length < 32 || bytes.readInt32BE(0) !== 1) return false;
  const sizes = [4, 8, 12, 16].map((at) => bytes.readInt32BE(at));
  return sizes.every((n) => n >= 1 && n < 1 << 24) && bytes.readInt32BE(20) >= 0 && bytes.readInt32BE(20) <= 10;
}

function looksLikeMeta(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  return (
    /^\s*(ObjectType|NDims|Comment|ObjectSubType|ID|Name|BinaryData|DimSize)\s*[=:]/i.test(text) &&
    /(^|\n)\s*(ObjectType|NDims|DimSize|ElementType)\s*[=:]/i.test(text)
  );
}

/** Whether bytes are DICOM: with a preamble, or starting with an element of group 2 or 8. */
export function looksLikeDicom(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 132)).toString('latin1');
  if (text.slice(128, 132) === 'DICM') return true;
  // Without a preamble: group 2 or 8 with a small element number, then a value representation or a short length.
  return /^([\x02\x08]\0[\0-\x90]\0|\0[\x02\x08]\0[\0-\x90])([A-Z]{2}|[\0-\x40]\0\0\0|\0\0\0[\0-\x40])/s.test(text);
}

function isNifti(bytes: Buffer): boolean {
  return bytes.length >= 4 && [348, 540, 0x5c010000, 0x1c020000].includes(bytes.readInt32LE(0));
}

/**
 * The format of a file by its content, whatever it is called; undefined for NIfTI and for what is no format that is known, which the
 * reader of NIfTI refuses in its own words.
 *
 * @throws UserError naming `file` when it is something else by its first bytes, or not what its name says
 */
export async function detectFormat(file: string): Promise<FormatName | undefined> {
  const start = await firstBytes(file);
  if (start === 'folder') return 'dicom';
  if (start === undefined) return undefined;
  const gzip = start[0] === 0x1f && start[1] === 0x8b;
  const bytes = gzip ? inflated(start) : start;
  if (isNifti(bytes)) return undefined;
  if (looksLikeMgh(bytes)) return 'mgh';
  const found =
    bytes.toString('latin1', 0, 5) === 'NRRD0'
      ? 'nrrd'
      : looksLikeMeta(bytes)
        ? 'metaimage'
        : looksLikeDicom(bytes)
          ? 'dicom'
          : undefined;
  if (found && gzip)
    throw new AdvisedError(
      file,
      `is a ${found === 'dicom' ? 'DICOM' : found === 'nrrd' ? 'NRRD' : 'MetaImage'} file packed with gzip`,
      'unpack it first',
    );
  if (found) return found;
  refuseOther(file, bytes, start.length);
  return undefined;
}

function refuseOther(file: string, bytes: Buffer, length: number): void {
  const text = bytes.toString('latin1', 0, 300);
  // What should be NIfTI, and pointers to files that were not fetched, are for the reader of NIfTI to refuse.
  if (/\.(nii|hdr|img)(\.gz)?$/i.test(file) || /^version https:\/\/git-lfs|^[./]*(\.git\/)?annex\/objects/.test(text))
    return;
  const other = OTHERS.find(([pattern]) => pattern.test(text));
  if (other) throw new UserError(`${file}: is ${other[1]}, not a volume`);
  const named = NAMED.find(([pattern]) => pattern.test(file));
  if (named && length === 0) throw new UserError(`${file}: the file is empty`);
  if (named) throw new UserError(`${file}: is no ${named[1]} file, as its name says: it is damaged or something else`);
}
