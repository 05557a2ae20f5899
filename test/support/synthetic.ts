/** The inputs of the fixture transforms_synth.json, as its descriptions define them. */
import type { VoxelArray } from '../../src/volume';
import { lastNumberOf, nameDrawn, partsOf } from './fixtures';
import { Formula } from './formula';

export interface ClosedForm {
  seed: number;
  /** How volume and labels are drawn. */
  inputs: string;
  /** (C, X, Y, Z). */
  shape: [number, number, number, number];
}

const countOf = ({ shape }: ClosedForm): number => shape.reduce((a, b) => a * b, 1);

/** Factor of the volume's numbers in `vol = f32(1000 * uniform(…))`. */
const factorOf = ({ inputs }: ClosedForm): number => Number(partsOf(/f32\(([\d.]+) \* uniform/, inputs)[0]);

/** The volume. */
export function closedFormVolume(fixture: ClosedForm): Float32Array {
  const factor = factorOf(fixture);
  const drawn = new Formula(fixture.seed).uniforms(nameDrawn('uniform', fixture.inputs), countOf(fixture));
  return Float32Array.from(drawn, (u) => factor * u);
}

/** The labels. */
export function closedFormLabels(fixture: ClosedForm): Uint8Array {
  const { seed, inputs } = fixture;
  const values = lastNumberOf('randint', inputs);
  return Uint8Array.from(new Formula(seed).integers(nameDrawn('randint', inputs), countOf(fixture), values));
}

const numbers = (text: string): number[] => text.split(',').map(Number);

/**
 * A volume in words: `(1,9,8,7) filled with -5; [2:6,3:8,1:4] = 0.25; (4,5,2) = 0.9; …`.
 *
 * @returns its shape (C, X, Y, Z) and its values.
 */
export function volumeInWords(description: string): { shape: [number, number, number, number]; data: Float32Array } {
  const [size, fill] = partsOf(/\(([\d, ]+)\) filled with ([-\d.]+)/, description);
  const shape = numbers(size!) as [number, number, number, number];
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(Number(fill));
  const set = (from: readonly number[], to: readonly number[], value: number) => {
    for (let x = from[0]!; x < to[0]!; x++)
      for (let y = from[1]!; y < to[1]!; y++)
        for (let z = from[2]!; z < to[2]!; z++) data[(x * shape[2] + y) * shape[3] + z] = value;
  };
  for (const [, box, voxel, value] of description.matchAll(/(?:\[([\d:, ]+)\]|\(([\d, ]+)\)) = ([-\d.]+)/g)) {
    const ranges = (box ?? voxel!).split(',').map((range) => range.split(':').map(Number));
    set(
      ranges.map(([from]) => from!),
      ranges.map(([from, to]) => to ?? from! + 1),
      Number(value),
    );
  }
  return { shape, data };
}

/** Name of the input affine and divisor of the volume in `input affine is 'lps'; 'vol' is f32(vol / 1000)`. */
export function inputOf(description: string): { affine: string; divisor: number } {
  const [affine] = partsOf(/affine is '([^']+)'/, description);
  const [divisor] = partsOf(/f32\(vol \/ ([\d.]+)\)/, description);
  return { affine: affine!, divisor: Number(divisor) };
}

/** The counting volume of `arange(24) as (1,2,3,4)`. */
export function countingVolume(description: string): { shape: [number, number, number, number]; data: VoxelArray } {
  const [count, size] = partsOf(/arange\((\d+)\) as \(([\d, ]+)\)/, description);
  const shape = numbers(size!) as [number, number, number, number];
  return { shape, data: Float32Array.from({ length: Number(count) }, (_, i) => i) };
}
