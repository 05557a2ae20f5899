export type { Affine, Volume, VoxelArray } from './types';
export {
  applyAffine,
  composeAffine,
  identityAffine,
  invertAffine,
  isInvertible,
  sameGrid,
  shiftAffine,
  spacingOf,
  voxelVolume,
} from './affine';
export { axisCodes, orientationOf, parseAxisCodes, type Orientation } from './axcodes';
export { compareGrids, gridOf, labelGrid, ontoGrid, type AxisTurn, type Grid, type GridComparison } from './grids';
export { judgeChannelGrid, judgeLabelGrid } from './judgeGrids';
export {
  countLabelValues,
  judgeLabelValues,
  wholeLabel,
  wholeLabels,
  type KnownLabels,
  type LabelValues,
} from './labelValues';
export { applyNotices, noticeText, type Notice } from './notice';
export { type NiftiHeader } from './nifti/header';
export type { AffineSource } from './nifti/affineFields';
export type { Datatype, DatatypeName } from './nifti/datatypes';
export { checkComplete, readEveryNth, readHeader, readVolume, readVoxels } from './read';
export {
  filesBehind,
  filesRead,
  formatName,
  isDicomFile,
  listSeries,
  placedBy,
  volumesAmong,
  type Choice,
} from './foreign';
export type { FormatHeader, Segment, SeriesEntry, SeriesList } from '../formats/types';
export { everyNth, voxelBytes, type NiftiVolume, type NonFinite, type RawVoxels, type ReadOptions } from './nifti/read';
export type { GrowingVoxels } from './nifti/growing';
export { convertVolume, type Converted, type ConvertRequest } from './convert';
export { labelsInside } from './labelsInside';
export { formatSeries } from './describeSeries';
export { writeNifti, type WriteOptions } from './nifti/write';
export * from './transforms';
export { ctHumps, isHounsfield, offsetToHounsfield, type CtHumps } from './intensities/hounsfield';
export { countBelow, percentile, shareBetween, sortedSample } from './intensities/sample';
export { isWrapped, unwrapped } from './intensities/wrapped';
export { finiteRange } from './layout/range';
export { cutView, viewAffine, viewOf, viewShape, voxelsOf, type VoxelView } from './layout/voxelView';
export {
  preprocess,
  preprocessView,
  type IntensitySettings,
  type PreprocessOptions,
  type Preprocessed,
  type PreprocessSettings,
  type PreprocessStage,
  type StageName,
} from './preprocess';
export {
  describeVolume,
  fileNotices,
  formatDescription,
  geometryNotices,
  geometryWarnings,
  type IntensitySummary,
  type VolumeDescription,
} from './describe';
