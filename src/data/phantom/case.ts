import { voxelCount, type Vec3 } from '../../geometry';
import { UsageError } from '../../errors/userError';
import type { Volume } from '../../volume/types';
import { BTCV_LABELS } from '../../labels/organs';
import { patientCoordinates, type ScannerGrid } from './coordinates';
import { organs } from './organs';
import { drawPatient, type Patient } from './patient';
import { addNoise, drawPart, drawTable, drawTrunk, type Canvas } from './render';
import { surroundings } from './surroundings';
import { formatSize } from '../../text';

/** Patients are drawn again until every organ has at least this many voxels. */
const FEWEST_VOXELS = 6;
const ATTEMPTS = 8;
const ORIENTATIONS: readonly (readonly [1 | -1, 1 | -1, 1 | -1])[] = [
  [-1, 1, 1],
  [1, 1, 1],
  [-1, -1, 1],
];

export interface PhantomCase {
  /** Hounsfield units, int16. */
  readonly image: Volume<Int16Array>;
  /** BTCV labels 0 to 13. */
  readonly label: Volume<Uint8Array>;
}

function scannerGrid(size: Vec3, spacing: Vec3, patient: Patient): ScannerGrid {
  const random = patient.draw('scanner');
  const signs = ORIENTATIONS[random.integer(0, ORIENTATIONS.length)]!;
  const first = (axis: 0 | 1 | 2) => -signs[axis] * spacing[axis] * ((size[axis] - 1) / 2);
  const step = (axis: 0 | 1 | 2) => signs[axis] * spacing[axis];
  return { shape: size, first: [first(0), first(1), first(2)], step: [step(0), step(1), step(2)] };
}

/** The scanner's own origin lies elsewhere than the middle of the abdomen. */
function affineOf(grid: ScannerGrid, patient: Patient): Float64Array {
  const random = patient.draw('origin');
  const offset = [random.range(-30, 30), random.range(-40, 40), random.range(-900, -300)].map(
    (v) => Math.round(v * 8) / 8,
  );
  const row = (axis: 0 | 1 | 2) => {
    const values = [0, 0, 0, grid.first[axis] + offset[axis]!];
    values[axis] = grid.step[axis];
    return values;
  };
  return Float64Array.from([...row(0), ...row(1), ...row(2), 0, 0, 0, 1]);
}

function drawPatientCase(patient: Patient, size: Vec3, spacing: Vec3): PhantomCase {
  const grid = scannerGrid(size, spacing, patient);
  const count = voxelCount(size);
  const canvas: Canvas = { shape: size, spacing, hounsfield: new Float32Array(count), label: new Uint8Array(count) };
  const coordinates = patientCoordinates(grid, patient.draw('pose'), 7);
  const width = Math.cbrt(voxelCount(spacing));
  drawTrunk(canvas, coordinates, patient, width);
  drawTable(canvas, (axis, index) => grid.first[axis] + index * grid.step[axis], patient);
  const least = 0.62 * Math.max(spacing[0], spacing[1], 0.5 * spacing[2]);
  for (const part of [...surroundings(patient), ...organs(patient, least)]) drawPart(canvas, coordinates, part, width);
  addNoise(canvas, patient.draw('quantum noise'), patient.draw('dose').range(7, 17));
  const image = new Int16Array(count);
  for (let i = 0; i < count; i++) image[i] = Math.max(-1024, Math.min(3071, Math.round(canvas.hounsfield[i]!)));
  const affine = affineOf(grid, patient);
  const shape = [1, ...size] as const;
  return { image: { data: image, shape, affine }, label: { data: canvas.label, shape, affine } };
}

/** Voxels of each label 0 to 13. */
export function countLabels(label: Uint8Array): number[] {
  const counts = new Array<number>(BTCV_LABELS.length).fill(0);
  for (const value of label) counts[value]!++;
  return counts;
}

/**
 * Draws one synthetic abdomen: a pure function of its arguments.
 *
 * @param size voxels along the file's axes
 * @param spacing millimetres
 * @throws UsageError when the grid is so coarse or small that the organs do not fit in
 */
export function phantomCase(seed: number, index: number, size: Vec3, spacing: Vec3): PhantomCase {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const drawn = drawPatientCase(drawPatient(seed, index, attempt), size, spacing);
    if (countLabels(drawn.label.data).every((count) => count >= FEWEST_VOXELS)) return drawn;
  }
  throw new UsageError(
    `phantom: ${formatSize(size)} voxels of ${formatSize(spacing)} mm do not hold all 13 organs; ` +
      'use a larger --size (160,160,64 covers the abdomen)',
  );
}
