import { UsageError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { spacingOf } from './affine';
import { labelsInside } from './labelsInside';
import { finiteRange } from './layout/range';
import type { DatatypeName } from './nifti/datatypes';
import type { NiftiHeader } from './nifti/header';
import { writeNifti } from './nifti/write';
import { readVolume } from './read';
import type { Volume } from './types';
import { checkOutputs } from '../files/outputs';
import { filesRead } from './foreign';

export interface ConvertRequest {
  /** A file, a DICOM folder or a DICOMDIR. */
  readonly input: string;
  /** `.nii` or `.nii.gz`. */
  readonly out: string;
  readonly series?: string;
  /** Overwrite what is there. */
  readonly force?: boolean;
  /** Names, dates and identifiers of the patient go into the facts, too. */
  readonly identity?: boolean;
}

export interface Converted {
  /** The NIfTI file, and for DICOM the JSON file of its facts. */
  readonly files: readonly string[];
  readonly shape: Volume['shape'];
  /** Millimetres. */
  readonly spacing: readonly number[];
  readonly warnings: readonly string[];
}

const NIFTI_NAME = /\.nii(\.gz)?$/i;

/** The smallest type that holds the values of an integer file as they are; undefined where they are no whole numbers. */
function wholeType(header: NiftiHeader, volume: Volume): DatatypeName | undefined {
  const { slope, intercept, datatype } = header;
  if (datatype.name.startsWith('float') || !Number.isInteger(slope) || !Number.isInteger(intercept)) return undefined;
  const [low, high] = finiteRange(volume.data);
  const types: readonly (readonly [DatatypeName, number, number])[] = [
    ['uint8', 0, 255],
    ['int16', -32768, 32767],
    ['uint16', 0, 65535],
    ['int32', -(2 ** 31), 2 ** 31 - 1],
  ];
  // As large as what was stored, so that a file of few values does not get a type of its own.
  return types.find(([, least, most], i) => least <= low && most >= high && (i > 0 || datatype.bytes === 1))?.[0];
}

/** What the JSON file beside a converted DICOM series says: nothing of it names or dates a patient unless asked for. */
function factsJson(header: NiftiHeader, volume: Volume, identity: boolean): string {
  const { foreign } = header;
  const facts = {
    ...foreign?.facts,
    ...(identity && foreign?.identity),
    ConvertedFrom: 'DICOM',
    Shape: [...header.size, ...(header.channels > 1 ? [header.channels] : [])],
    Spacing: spacingOf(volume.affine),
  };
  return `${JSON.stringify(facts, null, 2)}\n`;
}

/**
 * Writes a volume of any format as NIfTI, with the facts of a DICOM series as JSON beside it. Each file appears whole or not at all.
 *
 * @throws UsageError when `out` is not called `.nii` or `.nii.gz`, is there already or is what is read; UserError when the input cannot
 *   be read
 */
export async function convertVolume(request: ConvertRequest): Promise<Converted> {
  const { input, out, series, force = false, identity = false } = request;
  if (!NIFTI_NAME.test(out)) throw new UsageError(`${out}: the file to write must be called .nii or .nii.gz`);
  const json = out.replace(NIFTI_NAME, '.json');
  const inputs = await filesRead(input);
  await checkOutputs({ outputs: [out], inputs, force });
  const { volume, header } = await readVolume(input, { channel: 'all', ...(series !== undefined && { series }) });
  const isDicom = header.foreign?.name === 'dicom';
  if (isDicom) await checkOutputs({ outputs: [json], inputs, force });
  const datatype = wholeType(header, volume);
  // Segments that overlap are channels, each with values of its own: one table cannot name them.
  const labels = header.channels === 1 ? await labelsInside(input, header) : [];
  await writeNifti(out, volume, { ...(datatype && { datatype }), description: header.description, labels });
  if (isDicom) await writeFileAtomically(json, factsJson(header, volume, identity));
  return {
    files: isDicom ? [out, json] : [out],
    shape: volume.shape,
    spacing: spacingOf(volume.affine),
    warnings: header.warnings,
  };
}
