import type { Parsed, Tags } from './dataset';
import { syntaxName } from './objects';

type Kind = 'text' | 'texts' | 'number' | 'numbers' | 'double' | 'short';

/** How an image was made. Nothing here names or dates a patient, an examination or a place. */
const FACTS: readonly (readonly [name: string, tag: string, kind: Kind])[] = [
  ['Modality', 'x00080060', 'text'],
  ['SeriesNumber', 'x00200011', 'number'],
  ['SeriesDescription', 'x0008103e', 'text'],
  ['ProtocolName', 'x00181030', 'text'],
  ['ImageType', 'x00080008', 'texts'],
  ['BodyPartExamined', 'x00180015', 'text'],
  ['PatientPosition', 'x00185100', 'text'],
  ['Laterality', 'x00200060', 'text'],
  ['Manufacturer', 'x00080070', 'text'],
  ['ManufacturersModelName', 'x00081090', 'text'],
  ['SoftwareVersions', 'x00181020', 'text'],
  ['MagneticFieldStrength', 'x00180087', 'number'],
  ['SliceThickness', 'x00180050', 'number'],
  ['SpacingBetweenSlices', 'x00180088', 'number'],
  ['GantryDetectorTilt', 'x00181120', 'number'],
  ['KVP', 'x00180060', 'number'],
  ['XRayTubeCurrent', 'x00181151', 'number'],
  ['ExposureTime', 'x00181150', 'number'],
  ['Exposure', 'x00181152', 'number'],
  ['ConvolutionKernel', 'x00181210', 'texts'],
  ['ReconstructionDiameter', 'x00181100', 'number'],
  ['SpiralPitchFactor', 'x00189311', 'double'],
  ['ContrastBolusAgent', 'x00180010', 'text'],
  ['ScanningSequence', 'x00180020', 'texts'],
  ['SequenceVariant', 'x00180021', 'texts'],
  ['SequenceName', 'x00180024', 'text'],
  ['MRAcquisitionType', 'x00180023', 'text'],
  ['RepetitionTime', 'x00180080', 'number'],
  ['EchoTime', 'x00180081', 'number'],
  ['InversionTime', 'x00180082', 'number'],
  ['FlipAngle', 'x00181314', 'number'],
  ['EchoTrainLength', 'x00180091', 'number'],
  ['PixelBandwidth', 'x00180095', 'number'],
  ['Units', 'x00541001', 'text'],
  ['DecayCorrection', 'x00541102', 'text'],
  ['CorrectedImage', 'x00280051', 'texts'],
  ['BitsAllocated', 'x00280100', 'short'],
  ['BitsStored', 'x00280101', 'short'],
  ['PixelRepresentation', 'x00280103', 'short'],
  ['PhotometricInterpretation', 'x00280004', 'text'],
  ['WindowCenter', 'x00281050', 'numbers'],
  ['WindowWidth', 'x00281051', 'numbers'],
  ['LossyImageCompression', 'x00282110', 'text'],
  ['PatientIdentityRemoved', 'x00120062', 'text'],
];

/** What can lead to a patient: names, numbers, dates, places and identifiers. */
const IDENTITY: readonly (readonly [name: string, tag: string, kind: Kind])[] = [
  ['PatientName', 'x00100010', 'text'],
  ['PatientID', 'x00100020', 'text'],
  ['PatientBirthDate', 'x00100030', 'text'],
  ['PatientSex', 'x00100040', 'text'],
  ['PatientAge', 'x00101010', 'text'],
  ['PatientWeight', 'x00101030', 'number'],
  ['AccessionNumber', 'x00080050', 'text'],
  ['StudyID', 'x00200010', 'text'],
  ['StudyDescription', 'x00081030', 'text'],
  ['StudyDate', 'x00080020', 'text'],
  ['StudyTime', 'x00080030', 'text'],
  ['SeriesDate', 'x00080021', 'text'],
  ['SeriesTime', 'x00080031', 'text'],
  ['AcquisitionDate', 'x00080022', 'text'],
  ['AcquisitionTime', 'x00080032', 'text'],
  ['InstitutionName', 'x00080080', 'text'],
  ['StationName', 'x00081010', 'text'],
  ['ReferringPhysicianName', 'x00080090', 'text'],
  ['StudyInstanceUID', 'x0020000d', 'text'],
  ['SeriesInstanceUID', 'x0020000e', 'text'],
  ['FrameOfReferenceUID', 'x00200052', 'text'],
];

function read(data: Tags, tag: string, kind: Kind): unknown {
  if (!data.has(tag)) return undefined;
  switch (kind) {
    case 'text':
      return data.text(tag) || undefined;
    case 'texts':
      return data.texts(tag);
    case 'number':
      return data.number(tag);
    case 'numbers':
      return data.numbers(tag);
    case 'double':
      return data.doubles(tag)[0];
    case 'short':
      return data.short(tag);
  }
}

function collect(data: Tags, list: typeof FACTS): Record<string, unknown> {
  const pairs = list.map(([name, tag, kind]) => [name, read(data, tag, kind)] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined));
}

/** Facts of a file, by DICOM's keywords; those that can identify the patient apart from the others. */
export function factsOf({ data, transferSyntax }: Parsed): {
  facts: Record<string, unknown>;
  identity: Record<string, unknown>;
} {
  return {
    facts: { ...collect(data, FACTS), TransferSyntax: syntaxName(transferSyntax) },
    identity: collect(data, IDENTITY),
  };
}
