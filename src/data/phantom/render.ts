import type { Vec3 } from '../../geometry';
import type { RandomStream } from '../../random/random';
import type { Part } from './organs';
import { trunkFields, type Patient } from './patient';
import type { PatientCoordinates } from './coordinates';

/** A picture being drawn: Hounsfield units and labels over the voxel grid, z fastest. */
export interface Canvas {
  readonly shape: Vec3;
  readonly spacing: Vec3;
  readonly hounsfield: Float32Array;
  readonly label: Uint8Array;
}

const AIR = -1000;
const LUNG = -855;
const SOFT = { skin: 25, fat: -104, cavityFat: -98 };

/** Share of a voxel that is inside, from the signed distance at its centre. */
function share(distance: number, width: number): number {
  const s = 0.5 - distance / width;
  return s <= 0 ? 0 : s >= 1 ? 1 : s;
}

/** Signed distance to the ribs: bands around the chest wall that fall from back to front, above the costal margin. */
function ribDistance(x: number, y: number, z: number, wall: number): number {
  const angle = Math.atan2(Math.abs(x), -(y + 10));
  if (z < 14 + 52 * Math.max(0, angle - 1) || angle > 2.55) return 10;
  const t = z + 34 * angle;
  const along = t - 29 * Math.round(t / 29);
  return Math.hypot(along, Math.max(0, Math.abs(wall - 4) - 2)) - 4.5;
}

/** Draws air, skin, fat, muscle wall, ribs, lungs and cavity fat: everything that is defined over the whole volume. */
export function drawTrunk(canvas: Canvas, coordinates: PatientCoordinates, patient: Patient, width: number): void {
  const { x: xs, y: ys, z: zs } = coordinates;
  const { cavity, muscle, skin, diaphragm } = trunkFields(patient);
  const muscleValue = patient.hounsfield('muscle', 58, 6);
  const rib = patient.hounsfield('rib', 420, 60);
  const { noise } = patient;
  for (let i = 0; i < canvas.hounsfield.length; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    const z = zs[i]!;
    const outside = skin(x, y, z);
    const body = share(outside, width);
    if (body === 0) {
      canvas.hounsfield[i] = AIR;
      continue;
    }
    let value = outside > -2.5 ? SOFT.skin : SOFT.fat;
    const inWall = share(muscle(x, y, z), width);
    if (inWall > 0 && outside <= -2.5) {
      const wall = cavity(x, y, z);
      const streaks = 28 * Math.max(0, noise(x / 7, y / 7, z / 30) - 0.25);
      value += inWall * (muscleValue - streaks - value);
      if (wall > -4 && wall < 14) value += share(ribDistance(x, y, z, wall), width) * (rib - value);
      const inCavity = share(wall, width);
      if (inCavity > 0) {
        let inner = SOFT.cavityFat + 9 * noise(x / 12, y / 12, z / 12);
        const height = diaphragm(x, y, z);
        inner += 0.8 * share(Math.abs(height) - 2.5, width) * (muscleValue - inner);
        const lung = share(2 - height, width) * share(wall + 2, width) * share(27 + 0.15 * y - Math.abs(x + 6), width);
        if (lung > 0) {
          const vessel = 600 * Math.max(0, noise(x / 4 + 50, y / 4, z / 9) - 0.55);
          inner += lung * (LUNG + 70 * noise(x / 6, y / 6, z / 6) + vessel - inner);
        }
        value += inCavity * (inner - value);
      }
    }
    canvas.hounsfield[i] = AIR + body * (value - AIR);
  }
}

/** A padded table top under the patient. */
export function drawTable(canvas: Canvas, millimetres: (axis: 0 | 1, index: number) => number, patient: Patient): void {
  const top = -(118 + patient.muscle + 0.9 * patient.fat) - patient.draw('table').range(0, 8);
  const [nx, ny, nz] = canvas.shape;
  for (let i = 0; i < nx; i++)
    for (let j = 0; j < ny; j++) {
      const x = millimetres(0, i);
      const depth = top - 0.0009 * (200 ** 2 - x * x) * 0.5 - millimetres(1, j);
      if (Math.abs(x) > 205 || depth < 0 || depth > 22) continue;
      const value = depth < 3.5 || depth > 18.5 ? -350 : -920;
      const at = (i * ny + j) * nz;
      for (let k = 0; k < nz; k++) if (canvas.hounsfield[at + k]! < value) canvas.hounsfield[at + k] = value;
    }
}

/** Draws one shape over what is there, with partial volume at its surface; the voxels whose centre is inside get its label. */
export function drawPart(canvas: Canvas, coordinates: PatientCoordinates, part: Part, width: number): void {
  const [, ny, nz] = canvas.shape;
  const { low, high } = coordinates.voxelBox(part.shape.low, part.shape.high);
  const { x: xs, y: ys, z: zs } = coordinates;
  const { field } = part.shape;
  const { tissue } = part;
  for (let i = low[0]; i < high[0]; i++)
    for (let j = low[1]; j < high[1]; j++)
      for (let k = low[2]; k < high[2]; k++) {
        const at = (i * ny + j) * nz + k;
        const x = xs[at]!;
        const y = ys[at]!;
        const z = zs[at]!;
        const d = field(x, y, z);
        const s = share(d, width);
        if (s === 0) continue;
        const value = typeof tissue === 'number' ? tissue : tissue(Math.min(0, d), x, y, z);
        const before = canvas.hounsfield[at]!;
        canvas.hounsfield[at] = before + s * (value - before);
        if (part.label !== undefined && d < 0) canvas.label[at] = part.label;
      }
}

/** Blurs each slice a little, as the scanner's point spread does, then adds noise that is correlated within the slice. */
export function addNoise(canvas: Canvas, random: RandomStream, sigma: number): void {
  const [nx, ny, nz] = canvas.shape;
  const noise = new Float32Array(canvas.hounsfield.length);
  for (let i = 0; i < noise.length; i++) noise[i] = random.uniform() + random.uniform() + random.uniform() - 1.5;
  blurInPlane(noise, [nx, ny, nz], 0.25);
  blurInPlane(canvas.hounsfield, [nx, ny, nz], 0.12);
  // The sum of three uniforms has variance 1/4; the blur with weights (¼, ½, ¼) along two axes leaves (3/8)² of it.
  const gain = sigma / (0.5 * 0.375);
  for (let i = 0; i < noise.length; i++) canvas.hounsfield[i] = canvas.hounsfield[i]! + gain * noise[i]!;
}

/** Convolves x and y with (w, 1 − 2w, w). */
function blurInPlane(data: Float32Array, [nx, ny, nz]: Vec3, w: number): void {
  const centre = 1 - 2 * w;
  for (const [step, count] of [
    [ny * nz, nx],
    [nz, ny],
  ] as const) {
    for (let start = 0; start < data.length; start++) {
      if (Math.floor(start / step) % count !== 0) {
        start += step * (count - 1) - 1;
        continue;
      }
      let previous = data[start]!;
      for (let i = 0, at = start; i < count; i++, at += step) {
        const here = data[at]!;
        const next = i + 1 < count ? data[at + step]! : here;
        data[at] = w * previous + centre * here + w * next;
        previous = here;
      }
    }
  }
}
