import { UserError } from '../../errors/userError';
import { namedLabel, rgbOf, type NamedLabel } from '../../labels/entry';
import type { KnownLabels } from '../../volume';
import type { VoxelArray } from '../../volume/types';

/** A class and the values of the label map that belong to it. */
export interface ClassValues {
  readonly name: string;
  readonly values: readonly number[];
  /** `#rrggbb`. */
  readonly colour?: string;
}

/** How label values are held in memory, one byte a voxel; 0 is background. */
export interface LabelCodes {
  /** Classes overlap: a code is a set of classes, bit c for class c. Else it is the number of the class, from 1. */
  readonly overlapping: boolean;
  readonly classes: readonly ClassValues[];
  /** Channels of the network's output: with background where classes do not overlap. */
  readonly channels: number;
  readonly codeOf: ReadonlyMap<number, number>;
  /** Values of no class are background, not a mistake. */
  readonly unlisted: 'error' | 'background';
  /** The value of voxels that loss and scores leave out; null: none. */
  readonly ignore: number | null;
  /** The code of such voxels: one that no class has. −1 when there are none. */
  readonly ignoredCode: number;
}

/** What a task says of values besides its classes. */
export interface OtherValues {
  readonly unlisted?: LabelCodes['unlisted'];
  readonly ignore?: number | null;
}

/** The codes of a task's label values. */
export function makeLabelCodes(
  classes: readonly ClassValues[],
  overlapping: boolean,
  { unlisted = 'error', ignore = null }: OtherValues = {},
): LabelCodes {
  const codeOf = new Map<number, number>();
  classes.forEach(({ values }, c) => {
    for (const value of values) codeOf.set(value, overlapping ? (codeOf.get(value) ?? 0) | (1 << c) : c + 1);
  });
  // The last code: of overlapping classes the last bit, which the config's rules keep free.
  const ignoredCode = ignore === null ? -1 : overlapping ? 128 : 255;
  if (ignore !== null) codeOf.set(ignore, ignoredCode);
  return {
    overlapping,
    classes,
    channels: classes.length + (overlapping ? 0 : 1),
    codeOf,
    unlisted,
    ignore,
    ignoredCode,
  };
}

/** The values that a task knows, for judging label files. */
export function knownLabels({ classes, unlisted, ignore }: LabelCodes): KnownLabels {
  return { values: classes.flatMap(({ values }) => values), unlisted, ignore };
}

/** For each code the one that is left of it in a case whose label map tells of some classes alone: others are background. */
function reduced({ overlapping, classes, ignoredCode }: LabelCodes, labelled: Uint8Array): Uint8Array {
  const mask = labelled.reduce((bits, yes, c) => bits | (yes << c), 0);
  return Uint8Array.from({ length: 256 }, (_, code) => {
    if (code === ignoredCode) return code;
    if (overlapping) return code & mask;
    return code > 0 && code <= classes.length && labelled[code - 1] ? code : 0;
  });
}

/**
 * Turns label values into codes.
 *
 * @param labelled `[classes]`: 1 for the classes that the label map tells of; values of others become background
 * @throws UserError naming `file` and the value when a value is in no class and is not 0, unless those are background.
 */
export function encodeLabels(labels: VoxelArray, codes: LabelCodes, file: string, labelled?: Uint8Array): Uint8Array {
  const kept = labelled?.includes(0) ? reduced(codes, labelled) : undefined;
  const out = new Uint8Array(labels.length);
  let [last, code] = [0, 0];
  for (let i = 0; i < labels.length; i++) {
    const value = labels[i]!;
    if (value !== last) {
      const found = codes.codeOf.get(value) ?? (value === 0 || codes.unlisted === 'background' ? 0 : undefined);
      if (found === undefined) {
        const known = [...codes.codeOf.keys()].sort((a, b) => a - b).join(', ');
        throw new UserError(
          `${file}: has the label ${value}, which belongs to no class of the task (values: ${known}); add it to task.classes, or set task.unlisted to "background"`,
        );
      }
      [last, code] = [value, kept ? kept[found]! : found];
    }
    out[i] = code;
  }
  return out;
}

/** Codes as the network's target, channels last: 1 where a voxel is of the channel's class; all 0 where it is left out. */
export function oneHot(codes: Uint8Array, { overlapping, channels, ignoredCode }: LabelCodes): Float32Array {
  const out = new Float32Array(codes.length * channels);
  for (let i = 0, at = 0; i < codes.length; i++, at += channels) {
    const code = codes[i]!;
    if (code === ignoredCode) continue;
    if (!overlapping) out[at + code] = 1;
    else for (let c = 0; c < channels; c++) out[at + c] = (code >> c) & 1;
  }
  return out;
}

/** Voxels of class number `index` (from 0, without background) as a mask. */
export function classMask(codes: Uint8Array, index: number, { overlapping }: LabelCodes): Uint8Array {
  return overlapping ? codes.map((code) => (code >> index) & 1) : codes.map((code) => (code === index + 1 ? 1 : 0));
}

/** The value that stands for a class alone: one that no smaller class has (of nested regions, the outer ring). */
function ownValue(classes: readonly ClassValues[], index: number): number {
  const { values } = classes[index]!;
  const smaller = classes.filter((other) => other.values.length < values.length).flatMap((other) => other.values);
  return values.find((value) => !smaller.includes(value)) ?? values[0]!;
}

/** The label value to write for each code. Of overlapping classes the one with fewest values counts. */
export function valuesOfCodes({ classes, overlapping }: LabelCodes): Uint16Array {
  const order = classes.map((_, c) => c).sort((a, b) => classes[b]!.values.length - classes[a]!.values.length);
  return Uint16Array.from({ length: 256 }, (_, code) => {
    if (!overlapping) return code > 0 && code <= classes.length ? classes[code - 1]!.values[0]! : 0;
    const inside = order.filter((c) => (code >> c) & 1).at(-1);
    return inside === undefined ? 0 : ownValue(classes, inside);
  });
}

/** How the values of {@link valuesOfCodes} are called. */
export function namesOfValues(codes: LabelCodes): NamedLabel[] {
  const { classes, overlapping } = codes;
  return classes.flatMap(({ name, values, colour = '' }, c) => {
    const value = overlapping ? ownValue(classes, c) : values[0]!;
    return namedLabel(value, name, rgbOf(colour)) ?? [];
  });
}

/**
 * Codes as they come back from a label map that was written: where classes overlap, one value cannot say everything (an enhancing
 * tumour outside of the tumour core), and scores are of what is saved.
 */
export function codesAsSaved(found: Uint8Array, codes: LabelCodes): Uint8Array {
  if (!codes.overlapping) return found;
  const saved = Uint8Array.from(valuesOfCodes(codes), (value) => codes.codeOf.get(value) ?? 0);
  return found.map((code) => saved[code]!);
}
