import type { Tags } from './dataset';

/** Objects that are no image, or none that is a volume of one number a voxel, by the start of their SOP class. */
const CLASSES: readonly (readonly [RegExp, string])[] = [
  [/^1\.2\.840\.10008\.1\.3\.10$/, 'a DICOMDIR (a directory of files), no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\.2$/, 'an RT Dose (RTDOSE), a dose distribution and no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\.3$/, 'an RT Structure Set (RTSTRUCT): contours, no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\.5$/, 'an RT Plan (RTPLAN): no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\.8$/, 'an RT Ion Plan (RTPLAN): no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.481\.(?!1$)/, 'a radiotherapy record: no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.[478]$/, 'a DICOM segmentation (SEG): labels, no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.5$/, 'a surface segmentation: no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.66\.[123]$/, 'a spatial registration: no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.66$/, 'raw data: no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.67$/, 'a real world value mapping: no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\.59$/, 'a key object selection (KO): no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.88\./, 'a structured report (SR): text, no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.104\./, 'an encapsulated document (PDF, CDA or a model): no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.11\./, 'a presentation state (PR): no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.9\./, 'a waveform (such as an ECG): no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.4\.2$/, 'MR spectroscopy: no image'],
  [/^1\.2\.840\.10008\.5\.1\.4\.1\.1\.77\.1\.\d\.1$/, 'a video: no volume'],
];

const MODALITIES: Record<string, string> = {
  RTSTRUCT: 'an RT Structure Set (RTSTRUCT): contours, no image',
  RTPLAN: 'an RT Plan (RTPLAN): no image',
  RTDOSE: 'an RT Dose (RTDOSE), a dose distribution and no image',
  SEG: 'a DICOM segmentation (SEG): labels, no image',
  SR: 'a structured report (SR): text, no image',
  PR: 'a presentation state (PR): no image',
  KO: 'a key object selection (KO): no image',
  REG: 'a spatial registration: no image',
};

const COLOURS: Record<string, string> = {
  RGB: 'RGB colours',
  'PALETTE COLOR': 'colours of a palette',
  ARGB: 'ARGB colours',
  CMYK: 'CMYK colours',
  HSV: 'HSV colours',
};

/** What an object is that holds no volume of one number a voxel; undefined for one that may. */
export function noVolume(data: Tags): string | undefined {
  const sop = data.text('x00080016');
  const known = CLASSES.find(([pattern]) => pattern.test(sop))?.[1] ?? MODALITIES[data.text('x00080060')];
  if (known) return known;
  const photometric = data.text('x00280004');
  const samples = data.short('x00280002') ?? 1;
  if (samples > 1 || /^(RGB|PALETTE COLOR|YBR|ARGB|CMYK|HSV)/.test(photometric)) {
    const what = sop.startsWith('1.2.840.10008.5.1.4.1.1.7') ? 'a secondary capture' : 'an image';
    const colours = COLOURS[photometric] ?? (photometric.startsWith('YBR') ? 'YBR colours' : 'colours');
    return `${what} in ${colours} (${photometric || `${samples} numbers a pixel`}), not one number a voxel`;
  }
  return undefined;
}

/** Names of the transfer syntaxes. */
const SYNTAXES: Record<string, string> = {
  '1.2.840.10008.1.2': 'implicit little endian',
  '1.2.840.10008.1.2.1': 'explicit little endian',
  '1.2.840.10008.1.2.1.99': 'deflated',
  '1.2.840.10008.1.2.2': 'explicit big endian',
  '1.2.840.113619.5.2': 'GE big endian',
  '1.2.840.10008.1.2.5': 'RLE',
  '1.2.840.10008.1.2.4.50': 'JPEG baseline',
  '1.2.840.10008.1.2.4.51': 'JPEG extended',
  '1.2.840.10008.1.2.4.57': 'JPEG lossless',
  '1.2.840.10008.1.2.4.70': 'JPEG lossless',
  '1.2.840.10008.1.2.4.80': 'JPEG-LS lossless',
  '1.2.840.10008.1.2.4.81': 'JPEG-LS near lossless',
  '1.2.840.10008.1.2.4.90': 'JPEG 2000 lossless',
  '1.2.840.10008.1.2.4.91': 'JPEG 2000',
  '1.2.840.10008.1.2.4.201': 'HTJ2K lossless',
  '1.2.840.10008.1.2.4.202': 'HTJ2K lossless (RPCL)',
  '1.2.840.10008.1.2.4.203': 'HTJ2K',
};

export function syntaxName(uid: string): string {
  if (/^1\.2\.840\.10008\.1\.2\.4\.10[0-9]/.test(uid)) return 'MPEG video';
  return SYNTAXES[uid] ?? `transfer syntax ${uid}`;
}
