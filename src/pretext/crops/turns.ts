import { AXES, type Vec3 } from '../../geometry';

/** A turn by quarters of a circle about an axis; 0 quarters: none. */
export interface Turn {
  readonly axis: 0 | 1 | 2;
  readonly quarters: 0 | 1 | 2 | 3;
}

const QUARTERS = [1, 2, 3] as const;

/** No turn, and those by 90°, 180° and 270° about each of the axes. */
export function turnsAbout(axes: readonly (0 | 1 | 2)[]): readonly Turn[] {
  return [{ axis: 0, quarters: 0 }, ...axes.flatMap((axis) => QUARTERS.map((quarters) => ({ axis, quarters })))];
}

/** A turn among others: "90° about x". */
export const turnName = ({ axis, quarters }: Turn): string =>
  quarters === 0 ? 'not turned' : `${90 * quarters}° about ${AXES[axis]}`;

/** A turn in words: "turned by 90° about x". */
export const turnText = (turn: Turn): string => (turn.quarters === 0 ? turnName(turn) : `turned by ${turnName(turn)}`);

/**
 * A crop after a turn: about z, what lay along x then lies along y.
 *
 * @param voxels `[…size, C]`; both axes in the plane of an odd number of quarters must be equally long
 */
export function turned<Voxels extends Float32Array | Uint8Array>(
  voxels: Voxels,
  size: Vec3,
  { axis, quarters }: Turn,
): Voxels {
  const out = voxels.slice() as Voxels;
  if (quarters === 0) return out;
  const channels = voxels.length / (size[0] * size[1] * size[2]);
  const [p, q] = [(axis + 1) % 3, (axis + 2) % 3] as [0 | 1 | 2, 0 | 1 | 2];
  if (quarters % 2 === 1 && size[p] !== size[q]) throw new Error('quarter turns need a square plane');
  const from: [number, number, number] = [0, 0, 0];
  const place: [number, number, number] = [0, 0, 0];
  let to = 0;
  for (place[0] = 0; place[0] < size[0]; place[0]++)
    for (place[1] = 0; place[1] < size[1]; place[1]++)
      for (place[2] = 0; place[2] < size[2]; place[2]++) {
        const [a, b] = [place[p], place[q]];
        from[axis] = place[axis];
        [from[p], from[q]] =
          quarters === 1
            ? [b, size[p] - 1 - a]
            : quarters === 2
              ? [size[p] - 1 - a, size[q] - 1 - b]
              : [size[q] - 1 - b, a];
        const at = ((from[0] * size[1] + from[1]) * size[2] + from[2]) * channels;
        for (let c = 0; c < channels; c++) out[to++] = voxels[at + c]!;
      }
  return out;
}
