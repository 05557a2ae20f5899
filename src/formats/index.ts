import { UserError } from '../errors/userError';
import { dicomFiles, listDicomSeries, openDicom } from './dicom';
import { representSeries } from './dicom/represent';
import { metaDataFiles, openMeta } from './metaimage';
import { openMgh } from './mgh';
import { nrrdDataFiles, openNrrd } from './nrrd';
import type { FormatName, OpenedFile, OpenOptions } from './types';

/*
 * Volumes in other formats than NIfTI. `detect.ts` and `types.ts` are what others import; the rest is a bundle of its own
 * (`dist/formats.cjs`), which is loaded when the first such file is met.
 */

export { listDicomSeries, representSeries };

/**
 * Opens a file of a format that `detectFormat` found.
 *
 * @throws UserError naming the file
 */
export async function openFile(file: string, format: FormatName, options: OpenOptions = {}): Promise<OpenedFile> {
  if (options.series !== undefined && format !== 'dicom')
    throw new UserError(`${file}: is no DICOM, so it has no series ${options.series} to choose`);
  switch (format) {
    case 'dicom':
      return openDicom(file, options);
    case 'nrrd':
      return openNrrd(file);
    case 'metaimage':
      return openMeta(file);
    case 'mgh':
      return openMgh(file);
  }
}

/** All files that the content of a volume comes from. @throws UserError naming the file */
export async function filesOf(file: string, format: FormatName): Promise<readonly string[]> {
  switch (format) {
    case 'dicom':
      return dicomFiles(file);
    case 'nrrd':
      return [file, ...(await nrrdDataFiles(file))];
    case 'metaimage':
      return [file, ...(await metaDataFiles(file))];
    case 'mgh':
      return [file];
  }
}
