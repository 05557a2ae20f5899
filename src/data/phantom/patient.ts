import { RandomStream, streamId } from '../../random/random';
import { valueNoise, type Field } from './shapes';

/**
 * What differs from patient to patient, drawn once per case. Lengths in millimetres in the patient's frame: x to the right,
 * y to the front, z to the head, origin in the middle of the abdomen.
 */
export interface Patient {
  /** A stream of random numbers for one part of the anatomy. */
  readonly draw: (part: string) => RandomStream;
  /** Smooth noise of this patient. */
  readonly noise: Field;
  /** Thickness of the fat under the skin. */
  readonly fat: number;
  readonly muscle: number;
  /** Height of the diaphragm above its usual place (breathing). */
  readonly breath: number;
  /** Contrast phase: 0 late arterial to 1 late portal venous. */
  readonly phase: number;
  /** Hounsfield units of a tissue: its usual value, moved by the patient's own offset. */
  readonly hounsfield: (tissue: string, mean: number, spread: number) => number;
}

/** Draws a patient. `attempt` makes another one of the same case. */
export function drawPatient(seed: number, index: number, attempt: number): Patient {
  const draw = (part: string) => new RandomStream(seed, streamId('phantom'), index, attempt, streamId(part));
  const habitus = draw('habitus');
  const clampedNormal = (stream: RandomStream) => Math.max(-2, Math.min(2, stream.normal()));
  return {
    draw,
    noise: valueNoise(draw('noise').integer(0, 2 ** 31)),
    fat: habitus.range(8, 30),
    muscle: habitus.range(8, 15),
    breath: 9 * clampedNormal(habitus),
    phase: habitus.uniform(),
    hounsfield: (tissue, mean, spread) => mean + spread * clampedNormal(draw(`hounsfield ${tissue}`)),
  };
}

/** Half-axes of the abdominal cavity, and where its centre lies along y. */
const CAVITY = { x: 136, y: 88, centre: 8 };

function outline(x: number, y: number, a: number, b: number): number {
  const u = (x / a) ** 2;
  const v = (y / b) ** 2;
  const r = 0.55 * Math.sqrt(u + v) + 0.45 * Math.sqrt(Math.sqrt(u * u + v * v));
  return r > 1e-6 ? Math.sqrt(x * x + y * y) * (1 - 1 / r) : -b;
}

/** The waist is a little narrower than chest and hips. */
function waist(z: number): number {
  const t = (z + 25) / 70;
  return 1 - 0.05 / (1 + t * t);
}

/** Signed distances to the nested outlines of the trunk. */
export function trunkFields(patient: Patient): { cavity: Field; muscle: Field; skin: Field; diaphragm: Field } {
  const m = patient.muscle;
  const f = patient.fat;
  return {
    cavity: (x, y, z) => outline(x, y - CAVITY.centre, CAVITY.x * waist(z), CAVITY.y),
    muscle: (x, y, z) => outline(x, y + 2 + m / 3, (CAVITY.x + m) * waist(z), CAVITY.y + 10 + 1.4 * m),
    skin: (x, y, z) => outline(x, y + 1, (CAVITY.x + m + f) * waist(z), CAVITY.y + 14 + 1.1 * m + 0.9 * f),
    diaphragm: (x, y, z) => {
      const right = ((x - 66) / 62) ** 2 + ((y - 8) / 66) ** 2;
      const left = ((x + 74) / 56) ** 2 + ((y - 4) / 62) ** 2;
      const dome = Math.max(52 / (1 + right * right), 43 / (1 + left * left));
      return z - (64 + patient.breath + 0.22 * y + dome);
    },
  };
}
