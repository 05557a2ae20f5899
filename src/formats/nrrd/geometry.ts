import { AdvisedError, UserError } from '../../errors/userError';
import { affineOf, completeAxes, lpsToRas } from '../arrange';
import { number, vectors, words, type NrrdFields } from './header';

export interface NrrdGeometry {
  /** Axes of the file that lie in space, in their order. */
  readonly spatial: readonly number[];
  readonly affine: Float64Array;
  readonly source: string;
  readonly warnings: readonly string[];
}

const COLOURS = /^(3-color|rgb-color|hsv-color|xyz-color|4-color|rgba-color)$/;
const IN_SPACE = /^(domain|space)$/;

type ToRas = (vector: readonly number[]) => number[];

const SPACES: readonly (readonly [RegExp, ToRas])[] = [
  [/^(left-posterior-superior|lps)(-time|t)?$/, lpsToRas],
  [/^(right-anterior-superior|ras)(-time|t)?$/, (v) => [v[0]!, v[1]!, v[2]!]],
  [/^(left-anterior-superior|las)(-time|t)?$/, (v) => [-v[0]!, v[1]!, v[2]!]],
];

const UNITS: Record<string, number> = {
  mm: 1,
  um: 1e-3,
  µm: 1e-3,
  microns: 1e-3,
  micron: 1e-3,
  cm: 10,
  m: 1000,
  nm: 1e-6,
};

/** Axes that lie in space, by their directions, else by their kinds, else the first three. */
function spatialAxes(
  sizes: readonly number[],
  directions: readonly (readonly number[] | null)[] | undefined,
  kinds: readonly string[] | undefined,
  warnings: string[],
): number[] {
  const all = sizes.map((_, axis) => axis);
  if (directions) {
    const found = all.filter((axis) => directions[axis]?.slice(0, 3).some((value) => value !== 0) ?? false);
    if (found.length > 0) return found;
  }
  if (kinds) {
    const found = all.filter((axis) => IN_SPACE.test(kinds[axis]!));
    if (found.length > 0 && found.length <= 3) return found;
  }
  // A first axis of a few numbers is what a vector a voxel looks like.
  const open = kinds ? all.filter((axis) => /^(domain|space|\?+|none|unknown)$/.test(kinds[axis]!)) : all;
  if (open.length > 3) warnings.push('no space directions: the first three axes are taken as x, y and z');
  return open.slice(0, 3);
}

/** Where the voxels lie. @throws UserError naming `file` for colours and fields that do not fit */
export function geometryOf(header: NrrdFields, sizes: readonly number[], file: string): NrrdGeometry {
  const { fields } = header;
  const warnings: string[] = [];
  const list = (name: string): string[] | undefined => {
    const text = fields.get(name);
    const found = text === undefined ? undefined : words(text);
    if (found && found.length !== sizes.length)
      throw new UserError(`${file}: "${name}" of the NRRD header has ${found.length} entries for ${sizes.length} axes`);
    return found;
  };
  const kinds = list('kinds')?.map((kind) => kind.toLowerCase());
  if (kinds?.some((kind) => COLOURS.test(kind)))
    throw new AdvisedError(file, 'is a colour image (RGB), not one number a voxel', 'convert it to grey first');
  if (kinds?.includes('complex'))
    throw new AdvisedError(file, 'its voxels are complex numbers', 'convert it to magnitudes first');
  const text = fields.get('spacedirections');
  const directions = text === undefined ? undefined : vectors(text, file);
  if (directions && directions.length !== sizes.length)
    throw new UserError(`${file}: ${directions.length} space directions for ${sizes.length} axes in the NRRD header`);
  const spatial = spatialAxes(sizes, directions, kinds, warnings);
  if (spatial.length > 3)
    throw new UserError(`${file}: has ${spatial.length} axes in space: only 3-D volumes with channels can be read`);
  const placed = directions && spatial.every((axis) => directions[axis] !== null);
  const place = placed
    ? fromDirections(
        header,
        spatial.map((axis) => directions[axis]!),
        warnings,
      )
    : fromSpacings(list, spatial, warnings);
  return { spatial, ...place, warnings };
}

/** How the vectors of a space become RAS; left-posterior-superior where the file does not say. */
function spaceOf({ fields }: NrrdFields, warnings: string[]): ToRas {
  const space = fields.get('space')?.toLowerCase();
  const known = SPACES.find(([name]) => space !== undefined && name.test(space));
  if (known) return known[1];
  warnings.push(
    `${space === undefined ? 'no space' : `the space "${space}"`} in the header: axes are taken as left, posterior, superior`,
  );
  return lpsToRas;
}

function unitsOf({ fields }: NrrdFields, warnings: string[]): number {
  const unit = words(fields.get('spaceunits') ?? '')[0]?.toLowerCase() ?? 'mm';
  const factor = UNITS[unit];
  if (factor !== undefined && factor !== 1)
    warnings.push(`lengths are in ${unit} in the header; they were converted to mm`);
  return factor ?? 1;
}

function fromDirections(
  header: NrrdFields,
  directions: readonly (readonly number[])[],
  warnings: string[],
): Pick<NrrdGeometry, 'affine' | 'source'> {
  const toRas = spaceOf(header, warnings);
  const unit = unitsOf(header, warnings);
  const inSpace = (vector: readonly number[]) => toRas([0, 1, 2].map((i) => (vector[i] ?? 0) * unit));
  const origin = /\(([^)]*)\)/
    .exec(header.fields.get('spaceorigin') ?? '')?.[1]
    ?.split(',')
    .map(number);
  if (!origin?.slice(0, 3).every(Number.isFinite))
    warnings.push('no space origin: the first voxel is taken to lie at 0');
  const start = origin?.slice(0, 3).every(Number.isFinite) ? origin : [0, 0, 0];
  return { affine: affineOf(completeAxes(directions.map(inSpace)), inSpace(start)), source: 'space directions' };
}

function fromSpacings(
  list: (name: string) => string[] | undefined,
  spatial: readonly number[],
  warnings: string[],
): Pick<NrrdGeometry, 'affine' | 'source'> {
  const numbers = (name: string) => list(name)?.map(number);
  const spacings = numbers('spacings');
  const mins = numbers('axismins');
  const centers = list('centers');
  const known =
    spacings !== undefined && spatial.every((axis) => Number.isFinite(spacings[axis]) && spacings[axis] !== 0);
  if (!known) warnings.push('no spacing in the header: voxels are taken as 1 mm');
  warnings.push('no space directions: axes are taken as left, posterior, superior');
  const columns = spatial.map((axis, place) => {
    const column = [0, 0, 0];
    column[place] = known ? Math.abs(spacings[axis]!) : 1;
    return lpsToRas(column);
  });
  const origin = [0, 1, 2].map((place) => {
    const axis = spatial[place];
    const min = axis === undefined ? Number.NaN : (mins?.[axis] ?? Number.NaN);
    if (axis === undefined || !Number.isFinite(min)) return 0;
    // An axis with cells has its minimum at the edge of the first cell.
    return centers?.[axis] === 'node' ? min : min + (known ? Math.abs(spacings[axis]!) : 1) / 2;
  });
  return { affine: affineOf(completeAxes(columns), lpsToRas(origin)), source: known ? 'spacings' : 'sizes alone' };
}
