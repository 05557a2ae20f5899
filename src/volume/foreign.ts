import { mayBeDicom } from '../files/dicomFolder';
import { basename } from 'node:path';
import { AdvisedError, ExitCode, UserError } from '../errors/userError';
import { isDicomName, isVolumeName } from '../files/volumeNames';
import { detectFormat } from '../formats/detect';
import type { FormatHeader, OpenedFile, SeriesList } from '../formats/types';
import { isInvertible, shearOf } from './affine';
import { DATATYPES } from './nifti/datatypes';
import type { NiftiHeader } from './nifti/header';
import type { VoxelArray } from './types';

/** Which of several volumes of a path is meant. */
export interface Choice {
  /** Of a DICOM folder with several series: UID or number. */
  readonly series?: string;
}

export interface ForeignVolume {
  readonly header: NiftiHeader;
  /** The stored numbers, as those of a NIfTI file: x fastest, then y, z, channel. */
  read(): Promise<VoxelArray>;
}

/** An error of another bundle as one of this bundle's class. */
function ownError(error: unknown): unknown {
  if (error instanceof UserError || !(error instanceof Error)) return error;
  if (error.name === 'AdvisedError') {
    const { file, what, advice } = error as AdvisedError;
    return new AdvisedError(file, what, advice);
  }
  return error.name === 'UserError' ? new UserError(error.message, ExitCode.failed, { cause: error }) : error;
}

/** The readers are a bundle of their own, loaded when the first such file is met: its errors are not of this bundle's class. */
async function ownErrors<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw ownError(error);
  });
}

function asNifti(header: FormatHeader): NiftiHeader {
  const datatype = DATATYPES.find(({ name }) => name === header.type)!;
  const { littleEndian, compressed, size, channels, slope, intercept, affine, description } = header;
  // A tilted DICOM series has said so with its degrees.
  const sheared = shearOf(affine) > 1e-3 && !header.warnings.some((text) => text.includes('sheared'));
  const warnings = [
    ...header.warnings,
    ...(sheared ? ['the voxel axes are not at right angles (a sheared grid)'] : []),
  ];
  return {
    version: 1,
    littleEndian,
    compressed,
    datatype,
    size,
    channels,
    dimensions: channels > 1 ? 4 : 3,
    voxelOffset: 0,
    slope,
    intercept,
    affine,
    affineSource: 'sform',
    qformCode: 0,
    sformCode: 1,
    units: 'mm',
    description,
    warnings,
    foreign: header,
  };
}

/**
 * Opens a file or folder that is not NIfTI; undefined for NIfTI.
 *
 * @throws UserError naming the file
 */
export async function openForeign(file: string, choice: Choice = {}): Promise<ForeignVolume | undefined> {
  const format = await detectFormat(file);
  if (format === undefined) return undefined;
  const { openFile } = await import('../formats');
  const opened: OpenedFile = await ownErrors(openFile(file, format, choice));
  if (!isInvertible(opened.header.affine))
    throw new UserError(
      `${file}: its voxel axes do not span space (a singular or not finite affine): the header is damaged`,
    );
  return { header: asNifti(opened.header), read: () => ownErrors(opened.read()) };
}

/**
 * The DICOM series of a folder, file or DICOMDIR.
 *
 * @throws UserError naming the path when there is no DICOM in it
 */
export async function listSeries(path: string): Promise<SeriesList> {
  const { listDicomSeries } = await import('../formats');
  return ownErrors(listDicomSeries(path));
}

/** Whether a file is DICOM by its name, or, where it has no ending, by its content. */
export async function isDicomFile(file: string): Promise<boolean> {
  if (isDicomName(file)) return true;
  if (!mayBeDicom(file)) return false;
  return (await detectFormat(file).catch(() => undefined)) === 'dicom' && !/^DICOMDIR$/i.test(basename(file));
}

/**
 * Files as volumes, in order: DICOM files become one path for each series, all others stay.
 *
 * @throws UserError naming a file that cannot be read
 */
export async function volumesAmong(files: readonly string[]): Promise<string[]> {
  const isOther = (file: string): boolean => isVolumeName(file) && !isDicomName(file);
  const others = files.filter(isOther);
  const dicom = files.filter((file) => !isOther(file));
  if (dicom.length === 0) return others;
  const { representSeries } = await import('../formats');
  return [...others, ...(await ownErrors(representSeries(dicom)))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * The files that a volume's content comes from, the path itself among them where it is a file: data files of a detached header, files of
 * a DICOM folder. What depends on a volume's content depends on all of them.
 */
export async function filesBehind(path: string): Promise<readonly string[]> {
  if (/\.(nii(\.gz)?|safetensors)$/i.test(path)) return [path];
  const format = await detectFormat(path).catch(() => undefined);
  if (format === undefined) return [path];
  const { filesOf } = await import('../formats');
  return ownErrors(filesOf(path, format));
}

/** A path and the files behind it, none of which a result may replace. What was written into a DICOM folder before is not of its slices. */
export async function filesRead(path: string): Promise<readonly string[]> {
  const behind = await filesBehind(path).catch(() => []);
  return [path, ...behind.filter((file) => file === path || !/\.(nii(\.gz)?|json)$/i.test(file))];
}

/** What a file's format is called: `NIfTI-1, gzip`, `DICOM, CT`. */
export function formatName(header: NiftiHeader): string {
  if (header.foreign) return header.foreign.format;
  return `NIfTI-${header.version}${header.compressed ? ', gzip' : ''}${header.littleEndian ? '' : ', big endian'}`;
}

/** What places a file's voxels: `sform`, `space directions`. */
export function placedBy(header: NiftiHeader): string {
  return header.foreign?.affineFrom ?? header.affineSource;
}
