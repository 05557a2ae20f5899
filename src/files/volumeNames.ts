/** Endings of files that are volumes, the longest first. Of an .hdr/.img pair the header stands for both. */
const ENDING = /\.(nii\.gz|nii|hdr\.gz|hdr|nrrd|nhdr|mha|mhd|mgz|mgh\.gz|mgh|dcm|dicom|ima)$/i;

/** Endings in words, for messages. */
export const VOLUME_ENDINGS = '.nii, .nii.gz, .hdr, .nrrd, .nhdr, .mha, .mhd, .mgz, .mgh or .dcm';

/** Endings that a label map of an image may have, the usual ones first. */
export const LABEL_ENDINGS: readonly string[] = [
  '.nii.gz',
  '.nii',
  '.hdr',
  '.seg.nrrd',
  '.nrrd',
  '.nhdr',
  '.mha',
  '.mhd',
  '.mgz',
  '.mgh',
];

/** For dialogs and searches: the last part of each ending. */
export const VOLUME_EXTENSIONS: readonly string[] = [
  'nii',
  'gz',
  'hdr',
  'nrrd',
  'nhdr',
  'mha',
  'mhd',
  'mgz',
  'mgh',
  'dcm',
];

/** Whether a file is a volume by its name. */
export function isVolumeName(file: string): boolean {
  return ENDING.test(file);
}

/** Whether a file is DICOM by its name. */
export function isDicomName(file: string): boolean {
  return /\.(dcm|dicom|ima)$/i.test(file);
}

/** A name without the ending of a volume: `case1.nii.gz` → `case1`. */
export function withoutVolumeEnding(file: string): string {
  return file.replace(ENDING, '');
}
