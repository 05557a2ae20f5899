import type { Vec3 } from '../../geometry';
import type { Turn } from '../descriptor';
import { gridOf, sizeOf } from './rules';
import type { PrimusSection } from './schema';

/** Queries and keys, whose channels turn with the places of tokens; values do not. */
const TURNING = /^eva\.blocks\.\d+\.attn\.[qk]_proj\.(weight|bias)$/;

/** Channels of each head come in three equal blocks, one for the places along each axis. */
function channels(embedDim: number, heads: number, axes: Vec3): Int32Array {
  const block = embedDim / heads / 3;
  return Int32Array.from({ length: embedDim }, (_, channel) => {
    const [head, within] = [Math.floor(channel / (3 * block)), channel % (3 * block)];
    return head * 3 * block + axes[Math.floor(within / block)]! * block + (within % block);
  });
}

/** Tokens, the last axis fastest. @param grid of the order that comes out */
function tokens(grid: Vec3, axes: Vec3): Int32Array {
  const sizes = [0, 0, 0];
  axes.forEach((from, axis) => (sizes[from] = grid[axis]!));
  const strides = [sizes[1]! * sizes[2]!, sizes[2]!, 1];
  const order: number[] = [];
  for (let x = 0; x < grid[0]; x++)
    for (let y = 0; y < grid[1]; y++)
      for (let z = 0; z < grid[2]; z++)
        order.push(x * strides[axes[0]]! + y * strides[axes[1]]! + z * strides[axes[2]]!);
  return Int32Array.from(order);
}

/** What follows the order of axes in a Primus beside its kernels: the learnt positions of tokens, and the channels that rotate with them. */
export const turnPrimus: Turn<PrimusSection> = (name, section, axes) => {
  if (name === 'eva.pos_embed') return { dimension: 1, order: tokens(gridOf(section), axes) };
  const { embedDim, heads } = sizeOf(section);
  return TURNING.test(name) ? { dimension: 0, order: channels(embedDim, heads, axes) } : undefined;
};
