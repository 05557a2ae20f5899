import { UserError } from '../../errors/userError';
import { mapAxes, mapVec3, voxelCount, type Vec3 } from '../../geometry';
import { counted } from '../../text';
import type { NamedShape, Rows, Turning } from '../descriptor';
import { sizeOf } from './rules';
import type { PrimusSection } from './schema';

/** Queries and keys, whose channels turn with the places of tokens; values do not. */
const TURNING = /^eva\.blocks\.\d+\.attn\.[qk]_proj\.(weight|bias)$/;

/** Channels of each head come in three equal blocks, one for the places along each axis. */
function channels({ embedDim, heads }: ReturnType<typeof sizeOf>, axes: Vec3): Int32Array {
  if (Number.isNaN(heads))
    throw new UserError(
      `a Primus of ${embedDim} channels is of no published size, so that its heads are not known, and with them the order of axes: ` +
        'name a config with network.heads (voco import --for)',
    );
  const block = embedDim / heads / 3;
  return Int32Array.from({ length: embedDim }, (_, channel) => {
    const [head, within] = [Math.floor(channel / (3 * block)), channel % (3 * block)];
    return head * 3 * block + axes[Math.floor(within / block)]! * block + (within % block);
  });
}

/** The grid of a number of tokens: that of crops of this size, or else a cube, where only a part of each crop was seen at a time. */
function gridOf(count: number, patch: Vec3, crop: Vec3 | undefined): Vec3 {
  const edge = Math.round(Math.cbrt(count));
  const grids = [...(crop ? [mapVec3(crop, (length, axis) => length / patch[axis])] : []), mapAxes(() => edge)];
  const found = grids.find((grid) => voxelCount(grid) === count);
  if (found) return found;
  throw new UserError(
    `the grid of its ${counted(count, 'position')} is not known, and with it the order of axes: ` +
      (crop ? `its plan says patches of ${crop.join('×')}` : 'it has no plan with the size of its patches'),
  );
}

/** Tokens, the last axis fastest. @param grid of the order that comes out */
function tokens(grid: Vec3, axes: Vec3): Int32Array {
  const sizes = [0, 0, 0];
  axes.forEach((from, axis) => (sizes[from] = grid[axis]!));
  const strides = [sizes[1]! * sizes[2]!, sizes[2]!, 1];
  const [dx, dy, dz] = axes.map((from) => strides[from]!) as [number, number, number];
  const order: number[] = [];
  for (let x = 0; x < grid[0]; x++)
    for (let y = 0; y < grid[1]; y++) for (let z = 0; z < grid[2]; z++) order.push(x * dx + y * dy + z * dz);
  return Int32Array.from(order);
}

/** What follows the order of axes in a Primus beside its kernels: the learnt positions of tokens, and the channels that rotate with them. */
export function turnPrimus(
  { name, shape }: NamedShape,
  { section, axes, crop }: Turning<PrimusSection>,
): Rows | undefined {
  if (name === 'eva.pos_embed')
    return { dimension: 1, order: tokens(gridOf(shape[1]!, section.patch as Vec3, crop), axes) };
  return TURNING.test(name) ? { dimension: 0, order: channels(sizeOf(section), axes) } : undefined;
}
