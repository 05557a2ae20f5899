import type { Vec3 } from '../../geometry';
import { createHash } from 'node:crypto';
import { open, realpath } from 'node:fs/promises';
import { UserError } from '../../errors/userError';
import { axisCodes, checkComplete, geometryNotices, readHeader, readNifti, sameGrid, spacingOf } from '../../volume';
import type { NiftiHeader, Volume } from '../../volume';
import { imageFiles, type Case } from '../../data/datalist/case';
import type { Finding } from './finding';
import { holdsLabels, namedAsLabels } from './labelMaps';
import { formatSize } from '../../text';

/** What is known of an image file after looking at it. */
export interface ImageFacts {
  readonly file: string;
  readonly realPath: string;
  /** Hash of the file's length and parts of it; with `deep` also of the voxels. */
  readonly fingerprints: readonly string[];
  readonly header: NiftiHeader;
  readonly orientation: string;
  readonly spacing: Vec3;
}

export interface CaseFacts {
  readonly item: Case;
  /** Empty when the images cannot be read. */
  readonly images: readonly ImageFacts[];
}

export interface CaseCheckOptions {
  readonly labels: boolean;
  readonly channel: number | 'all';
  /** Number of classes with background: labels 0 to n − 1. */
  readonly expectedClasses?: number;
  /** Low end of the intensity window, to notice images that are not in Hounsfield units. */
  readonly windowLow?: number;
  readonly deep: boolean;
}

const PIECE = 1 << 17;

/** Hash of a file's length, beginning, middle and end: the beginning alone may be air in many scans. */
export async function pieceHash(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const hash = createHash('sha256').update(String(size));
    const last = Math.max(0, size - PIECE);
    for (const start of new Set([0, Math.floor(last / 2), last])) {
      const buffer = Buffer.alloc(Math.min(PIECE, size));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, start);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

function voxelHash(volume: Volume): string {
  const { data } = volume;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return createHash('sha256').update(volume.shape.join()).update(bytes).digest('hex');
}

/** A reading error as a finding: the message already says what is wrong. */
function unreadable(error: unknown, file: string): Finding {
  if (!(error instanceof UserError)) throw error;
  const message = error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message;
  return {
    severity: 'error',
    file,
    message,
    advice: 'repair the file or download it again, or remove the case from the list',
  };
}

async function checkImage(
  file: string,
  options: CaseCheckOptions,
  findings: Finding[],
): Promise<ImageFacts | undefined> {
  try {
    const header = await readHeader(file);
    await checkComplete(file, header);
    const orientation = axisCodes(header.affine);
    findings.push(...namedAsLabels(file));
    findings.push(...geometryNotices(header).map((notice) => ({ ...notice, file })));
    if (typeof options.channel === 'number' && options.channel >= header.channels)
      findings.push({
        severity: 'error',
        file,
        message: `has ${header.channels} channels, so there is no channel ${options.channel} (counted from 0)`,
        advice: 'set data.channel to a channel that all images have',
      });
    const fingerprints = [await pieceHash(file)];
    if (options.deep) fingerprints.push(await checkVoxels(file, options, findings));
    return {
      file,
      realPath: await realpath(file),
      fingerprints,
      header,
      orientation,
      spacing: spacingOf(header.affine),
    };
  } catch (error) {
    findings.push(unreadable(error, file));
    return undefined;
  }
}

async function checkVoxels(file: string, options: CaseCheckOptions, findings: Finding[]): Promise<string> {
  const { volume, nonFinite } = await readNifti(file, { channel: 'all' });
  if (namedAsLabels(file).length === 0) findings.push(...holdsLabels(file, volume.data));
  const bad = nonFinite.nan + nonFinite.infinite;
  if (bad > 0)
    findings.push({
      severity: 'warning',
      file,
      message: `${bad} voxels are NaN or infinite`,
      advice: 'they are replaced by the low end of the intensity window; check how the file was made',
    });
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < volume.data.length; i++) {
    const value = volume.data[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (!(max > min))
    findings.push({
      severity: 'error',
      file,
      message: 'all voxels have the same value',
      advice: 'download the file again, or remove the case from the list',
    });
  else if (options.windowLow !== undefined && options.windowLow < 0 && min >= 0)
    findings.push({
      severity: 'warning',
      file,
      message: `lowest value is ${min}: not Hounsfield units, which go below 0 in air and fat`,
      advice: 'for CT stored with an offset subtract it; for MRI use the intensity kind "zscore"',
    });
  return voxelHash(volume);
}

/** Looks at the label of a case beside its first image. */
async function checkLabel(file: string, image: ImageFacts | undefined, options: CaseCheckOptions, findings: Finding[]) {
  try {
    const header = await readHeader(file);
    await checkComplete(file, header);
    if (header.channels > 1)
      findings.push({
        severity: 'error',
        file,
        message: `a label with ${header.channels} channels`,
        advice: 'store one class number a voxel',
      });
    if (image) compareGrids(file, header, image, findings);
    if (options.deep) await checkLabelValues(file, options.expectedClasses, findings);
  } catch (error) {
    findings.push(unreadable(error, file));
  }
}

function compareGrids(file: string, label: NiftiHeader, image: ImageFacts, findings: Finding[]): void {
  const size = image.header.size;
  if (label.size.join() !== size.join()) {
    findings.push({
      severity: 'error',
      file,
      message: `${formatSize(label.size)} voxels, but its image ${image.file} has ${formatSize(size)}`,
      advice: 'pair the label with its own image, or resample it to the image',
    });
    return;
  }
  const finest = Math.min(...image.spacing);
  if (sameGrid(label.affine, image.header.affine, size, 0.05 * finest)) return;
  const severe = !sameGrid(label.affine, image.header.affine, size, 0.5 * finest);
  findings.push({
    severity: severe ? 'error' : 'warning',
    file,
    message: `does not lie where its image ${image.file} lies (their affines differ)`,
    advice: 'write the label with the affine of its image; overlays and resampling would be wrong',
  });
}

/** The distinct values of a label, up to the 20 smallest. */
async function checkLabelValues(file: string, classes: number | undefined, findings: Finding[]): Promise<void> {
  const { volume } = await readNifti(file);
  const values = [...new Set<number>(volume.data)].sort((a, b) => a - b);
  const wrong = values.filter(
    (value) => !Number.isInteger(value) || value < 0 || (classes !== undefined && value >= classes),
  );
  if (wrong.length > 0) {
    const shown = wrong.slice(0, 8).join(', ') + (wrong.length > 8 ? ', …' : '');
    const expected = classes === undefined ? 'whole numbers from 0' : `0 to ${classes - 1}`;
    findings.push({
      severity: 'error',
      file,
      message: `unexpected label values ${shown}; expected ${expected}`,
      advice: 'remap the labels, or set the number of classes (background included) to what the labels hold',
    });
  } else if (values.length === 1)
    findings.push({
      severity: 'warning',
      file,
      message: values[0] === 0 ? 'only background' : `only the label ${values[0]}`,
      advice: 'check that this is the right label file',
    });
}

/** Looks at all files of a case and adds what is wrong to `findings`. */
export async function checkCase(item: Case, options: CaseCheckOptions, findings: Finding[]): Promise<CaseFacts> {
  const images: ImageFacts[] = [];
  const files = imageFiles(item);
  for (const file of files) {
    const facts = await checkImage(file, options, findings);
    if (facts) images.push(facts);
  }
  const [first] = images;
  for (const other of images.slice(1))
    if (!sameSpace(first!.header, other.header))
      findings.push({
        severity: 'error',
        file: other.file,
        message: `does not lie on the same voxel grid as ${first!.file}`,
        advice: 'register and resample the channels of a case to one grid',
      });
  if (options.labels && item.label === undefined)
    findings.push({
      severity: 'error',
      file: files[0]!,
      message: 'has no label',
      advice: 'add "label" in the datalist',
    });
  if (options.labels && item.label !== undefined) await checkLabel(item.label, first, options, findings);
  return { item, images: images.length === files.length ? images : [] };
}

function sameSpace(a: NiftiHeader, b: NiftiHeader): boolean {
  return a.size.join() === b.size.join() && sameGrid(a.affine, b.affine, a.size, 0.01);
}
