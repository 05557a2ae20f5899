import { createHash } from 'node:crypto';
import { orientationOf } from '../../src/volume/axcodes';
import { applyAffine, invertAffine } from '../../src/volume/affine';
import type { Volume } from '../../src/volume';

/** A volume as `answers.json` describes it. */
export interface ExpectedVolume {
  readonly shape: readonly number[];
  readonly spacing_mm: readonly number[];
  readonly affine_RAS: readonly (readonly number[])[];
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly values_at?: readonly {
    readonly ras_mm: readonly [number, number, number];
    readonly value?: number;
    readonly values?: readonly number[];
  }[];
  readonly value_tolerance: number;
  readonly canonical?: { readonly shape: readonly number[]; readonly sha256_float32?: string };
}

export interface ExpectedSeries {
  readonly series_uid: string;
  readonly description: string;
  readonly modality: string;
  readonly number: number | null;
  readonly slices?: number;
  readonly volume?: ExpectedVolume;
}

export interface ExpectedCase {
  readonly id: string;
  readonly input: string;
  readonly expect: 'read' | 'refuse' | 'read-or-refuse' | 'list';
  readonly message_any?: readonly (readonly string[])[];
  readonly should_mention?: readonly (readonly string[])[];
  readonly volume?: ExpectedVolume;
  readonly series?: readonly ExpectedSeries[];
  readonly segments?: readonly { readonly name: string; readonly label_value: number; readonly layer: number }[];
  readonly values_at_slices?: readonly { readonly ras_mm: readonly [number, number, number]; readonly value: number }[];
}

/** The value of a channel at a place in millimetres; undefined where no voxel centre is within 0.02 of a voxel. */
export function valueAt(volume: Volume, ras: readonly [number, number, number], channel = 0): number | undefined {
  const [, nx, ny, nz] = volume.shape;
  const place = applyAffine(invertAffine(volume.affine), ras);
  const [x, y, z] = place.map(Math.round) as [number, number, number];
  if (place.some((at, axis) => Math.abs(at - [x, y, z][axis]!) > 0.02)) return undefined;
  if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz) return undefined;
  return volume.data[((channel * nx + x) * ny + y) * nz + z];
}

/** SHA-256 of all voxels as float32 in the closest RAS+ order, x fastest. */
export function canonicalDigest(volume: Volume): string {
  const { axis, sign } = orientationOf(volume.affine);
  const [channels, ...size] = volume.shape;
  const strides = [size[1] * size[2], size[2], 1];
  const order = [0, 1, 2].map((world) => axis.indexOf(world as 0 | 1 | 2));
  const counts = order.map((own) => size[own]!);
  const out = new Float32Array(volume.data.length);
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < counts[2]!; z++) {
      for (let y = 0; y < counts[1]!; y++) {
        for (let x = 0; x < counts[0]!; x++) {
          let from = c * size[0] * size[1] * size[2];
          for (const [world, at] of [x, y, z].entries()) {
            const own = order[world]!;
            from += (sign[own]! > 0 ? at : size[own]! - 1 - at) * strides[own]!;
          }
          out[to++] = volume.data[from]!;
        }
      }
    }
  }
  return createHash('sha256').update(new Uint8Array(out.buffer)).digest('hex');
}

/** Every group has a word that stands in the text. */
export function mentions(text: string, groups: readonly (readonly string[])[] | undefined): boolean {
  return (groups ?? []).every((group) => group.some((word) => text.toLowerCase().includes(word.toLowerCase())));
}
