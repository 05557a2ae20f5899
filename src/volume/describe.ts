import type { Segment } from '../formats/types';
import type { Vec3 } from '../geometry';
import { spacingOf } from './affine';
import { axisCodes } from './axcodes';
import type { DatatypeName } from './nifti/datatypes';
import type { NiftiHeader } from './nifti/header';
import { formatName, placedBy, type Choice } from './foreign';
import { countNonFinite } from './nifti/read';
import { readVolume } from './read';
import type { Notice } from './notice';
import type { VoxelArray } from './types';
import { formatSize, plural, significant } from '../text';

/** What `voco info` reports about a file. */
export interface VolumeDescription {
  readonly file: string;
  readonly format: string;
  readonly shape: Vec3;
  readonly channels: number;
  /** Millimetres. */
  readonly spacing: Vec3;
  /** Size of the field of view in millimetres. */
  readonly extent: Vec3;
  readonly orientation: string;
  readonly affine: readonly (readonly number[])[];
  /** What places the voxels: `sform`, `qform`, `pixdim`, or what another format has. */
  readonly affineSource: string;
  readonly datatype: DatatypeName;
  readonly slope: number;
  readonly intercept: number;
  /** Of the finite voxels of all channels; null when there is none. */
  readonly intensity: IntensitySummary | null;
  readonly nan: number;
  readonly infinite: number;
  readonly description: string;
  readonly warnings: readonly string[];
  /** Segments of a `.seg.nrrd` file. */
  readonly segments?: readonly Segment[];
  /** How a DICOM image was made; nothing of the patient. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

export interface IntensitySummary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  /** Values below which so many per cent of the voxels lie (of a regular sample when there are very many). */
  readonly percentiles: readonly { readonly percent: number; readonly value: number }[];
}

const PERCENTILES = [0.5, 5, 25, 50, 75, 95, 99.5];
const SAMPLE = 1 << 21;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** A sorted sample of the finite values: all of them, or every n-th with n prime to the length, so that no axis is favoured. */
function sortedSample(data: VoxelArray): Float64Array {
  let step = Math.max(1, Math.floor(data.length / SAMPLE));
  while (greatestCommonDivisor(step, data.length) !== 1) step++;
  const values = new Float64Array(Math.ceil(data.length / step));
  let count = 0;
  for (let i = 0; i < data.length; i += step) if (Number.isFinite(data[i])) values[count++] = data[i]!;
  return values.subarray(0, count).sort();
}

/** Range, moments and percentiles of the finite values; null when there is none. */
export function summarizeIntensity(data: VoxelArray): IntensitySummary | null {
  let [min, max, sum, count] = [Infinity, -Infinity, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value - value !== 0) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count += 1;
  }
  if (count === 0) return null;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < data.length; i++) {
    const distance = data[i]! - mean;
    if (distance - distance === 0) squares += distance * distance;
  }
  const sorted = sortedSample(data);
  const percentiles = PERCENTILES.map((percent) => {
    const at = (percent / 100) * (sorted.length - 1);
    const low = sorted[Math.floor(at)]!;
    return { percent, value: low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at)) };
  });
  return { min, max, mean, std: Math.sqrt(squares / count), percentiles };
}

/** What a checker or a person would want to know about how the voxels lie, from the header alone. */
export function geometryWarnings(header: NiftiHeader): string[] {
  const warnings = [...header.warnings];
  const spacing = spacingOf(header.affine);
  const text = formatSize(spacing.map((value) => format(value)));
  if (spacing.some((value) => value > 15 || value < 0.05)) warnings.push(`odd spacing: ${text} mm`);
  else if (Math.max(...spacing) / Math.min(...spacing) > 12) warnings.push(`very uneven spacing: ${text} mm`);
  if (Math.min(...header.size) === 1) warnings.push(`a single slice: ${formatSize(header.size)} voxels`);
  return warnings;
}

/** What is odd about a file, with advice: checks of data and runs tell the same. */
export function fileNotices(warnings: readonly string[]): Notice[] {
  return warnings.map((message) => ({ severity: 'warning', message, advice: 'compare with the original images' }));
}

/** {@link fileNotices} of {@link geometryWarnings}. */
export const geometryNotices = (header: NiftiHeader): Notice[] => fileNotices(geometryWarnings(header));

/**
 * Reads a volume and says what it holds.
 *
 * @throws UserError naming `file` when it cannot be read.
 */
export async function describeVolume(file: string, choice: Choice = {}): Promise<VolumeDescription> {
  const { header, volume } = await readVolume(file, { ...choice, channel: 'all' });
  const intensity = summarizeIntensity(volume.data);
  const { nan, infinite } = countNonFinite(volume.data);
  const warnings = geometryWarnings(header);
  if (nan + infinite > 0) warnings.push(`${nan} ${plural(nan, 'voxel is', 'voxels are')} NaN and ${infinite} infinite`);
  if (intensity && intensity.min === intensity.max) warnings.push(`all voxels have the value ${intensity.min}`);
  const spacing = spacingOf(header.affine);
  const a = header.affine;
  return {
    file,
    format: formatName(header),
    shape: header.size,
    channels: header.channels,
    spacing,
    extent: [spacing[0] * header.size[0], spacing[1] * header.size[1], spacing[2] * header.size[2]],
    orientation: axisCodes(a),
    affine: [0, 4, 8, 12].map((row) => Array.from(a.subarray(row, row + 4))),
    affineSource: placedBy(header),
    datatype: header.datatype.name,
    slope: header.slope,
    intercept: header.intercept,
    intensity,
    nan,
    infinite,
    description: header.description,
    warnings,
    ...(header.foreign?.segments && { segments: header.foreign.segments }),
    ...(header.foreign?.facts && { facts: header.foreign.facts }),
  };
}

function format(value: number): string {
  return significant(value, 5);
}

/** A description as text of several lines, for `voco info`. */
export function formatDescription(d: VolumeDescription): string {
  const sizes = (values: readonly number[]) => formatSize(values.map(format));
  const scaled = d.slope !== 1 || d.intercept !== 0;
  const rows: [string, string][] = [
    ['shape', `${formatSize(d.shape)} voxels${d.channels > 1 ? `, ${d.channels} channels` : ''}`],
    ['spacing', `${sizes(d.spacing)} mm (field of view ${sizes(d.extent)} mm)`],
    ['orientation', `${d.orientation} (from the ${d.affineSource})`],
    ['datatype', `${d.datatype}${scaled ? `, × ${format(d.slope)} + ${format(d.intercept)}` : ''}; ${d.format}`],
  ];
  if (d.intensity) {
    const { min, max, mean, std, percentiles } = d.intensity;
    rows.push([
      'intensity',
      `${format(min)} to ${format(max)}, mean ${format(mean)}, standard deviation ${format(std)}`,
    ]);
    const shares = percentiles.map(({ percent, value }) => `${percent} %: ${format(value)}`);
    rows.push(['percentiles', shares.join('   ')]);
  } else {
    rows.push(['intensity', 'no voxel holds a number']);
  }
  if (d.description) rows.push(['description', d.description]);
  for (const { name, labelValue, layer } of d.segments ?? [])
    rows.push(['segment', `${labelValue}: ${name}${d.channels > 1 ? ` (channel ${layer})` : ''}`]);
  for (const warning of d.warnings) rows.push(['warning', warning]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [d.file, ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)].join('\n');
}
