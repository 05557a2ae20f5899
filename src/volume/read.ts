import type { Vec3 } from '../geometry';
import { constants as bufferConstants } from 'node:buffer';
import { AdvisedError } from '../errors/userError';
import { formatSize } from '../text';
import { openForeign, type Choice } from './foreign';
import { keepEveryNth } from './layout/everyNth';
import { checkComplete as checkNifti } from './nifti/complete';
import type { GrowingVoxels } from './nifti/growing';
import type { NiftiHeader } from './nifti/header';
import * as nifti from './nifti/read';

/*
 * The one door to volumes on disk. NIfTI, NRRD, MetaImage, MGH and DICOM (a folder, a DICOMDIR or a file of a series) give the same
 * header and voxels; what a file is is told by its content.
 */

function checkFits(header: NiftiHeader, file: string): void {
  if (nifti.voxelBytes(header) <= bufferConstants.MAX_LENGTH) return;
  throw new AdvisedError(file, `${formatSize(header.size)} voxels are too many to hold in memory`, 'split the file');
}

/** As NIfTI's `readHeader`, of any format. @throws UserError naming `file` */
export async function readHeader(file: string, options: { anySize?: boolean } & Choice = {}): Promise<NiftiHeader> {
  const foreign = await openForeign(file, options);
  if (!foreign) return nifti.readHeader(file, options);
  if (!options.anySize) checkFits(foreign.header, file);
  return foreign.header;
}

/** As NIfTI's `readVoxels`, of any format; only NIfTI can be looked at while it grows. @throws UserError naming `file` */
export async function readVoxels(
  file: string,
  onStart?: (growing: GrowingVoxels) => void,
  choice: Choice = {},
): Promise<nifti.RawVoxels> {
  const foreign = await openForeign(file, choice);
  if (!foreign) return nifti.readVoxels(file, onStart);
  checkFits(foreign.header, file);
  return { header: foreign.header, voxels: await foreign.read() };
}

/** As NIfTI's `readEveryNth`, of any format; others than NIfTI are held whole for a moment. @throws UserError naming `file` */
export async function readEveryNth(file: string, step: Vec3): Promise<nifti.RawVoxels> {
  const foreign = await openForeign(file);
  if (!foreign) return nifti.readEveryNth(file, step);
  const { size, channels } = foreign.header;
  const voxels = keepEveryNth(await foreign.read(), [...size, channels], step);
  return { header: nifti.everyNth(foreign.header, step), voxels };
}

/** As NIfTI's `readNifti`, of any format. @throws UserError naming `file` */
export async function readVolume(file: string, options: nifti.ReadOptions & Choice = {}): Promise<nifti.NiftiVolume> {
  const foreign = await openForeign(file, options);
  if (!foreign) return nifti.readNifti(file, options);
  checkFits(foreign.header, file);
  return nifti.toVolume({ header: foreign.header, voxels: await foreign.read() }, options, file);
}

/**
 * As NIfTI's `checkComplete`; readers of other formats notice a short file when they read the header or the voxels.
 *
 * @returns what is odd about the end of the file, as the header's `warnings`
 */
export async function checkComplete(file: string, header: NiftiHeader): Promise<readonly string[]> {
  const { trailing } = header.foreign ? { trailing: false } : await checkNifti(file, header);
  return trailing ? [nifti.TRAILING] : [];
}
