import { parseJson } from '../files/json';
import { voxelCount, type Vec3 } from '../geometry';
import type { AnyNetwork } from '../nets';
import { describedSection, knownNetwork } from '../nets/descriptors';
import type { StateEntry } from '../nets/state';
import { isRecord } from '../schema';
import { formatSize } from '../text';
import { resizeCoordinates } from '../volume';

/** Where a place of a resized axis lies: between two of the old ones. */
interface Between {
  readonly low: number;
  readonly high: number;
  /** Share of the higher one. */
  readonly share: number;
}

function axisOf(from: number, to: number): Between[] {
  return Array.from(resizeCoordinates(from, to, false), (at) => {
    const inside = Math.max(0, Math.min(from - 1, at));
    const low = Math.floor(inside);
    return { low, high: Math.min(low + 1, from - 1), share: inside - low };
  });
}

/**
 * Learnt positions (1, places, channels) on another grid, as nnU-Net brings them there: torch's trilinear `interpolate` with voxel edges
 * on voxel edges. Places run over x, y, z, z fastest.
 */
export function regrid(positions: Float32Array, channels: number, from: Vec3, to: Vec3): Float32Array {
  const [xs, ys, zs] = ([0, 1, 2] as const).map((axis) => axisOf(from[axis], to[axis]));
  const out = new Float32Array(voxelCount(to) * channels);
  let place = 0;
  for (const x of xs!)
    for (const y of ys!)
      for (const z of zs!) {
        for (let corner = 0; corner < 8; corner++) {
          const [hx, hy, hz] = [corner >> 2, (corner >> 1) & 1, corner & 1];
          const share = (hx ? x.share : 1 - x.share) * (hy ? y.share : 1 - y.share) * (hz ? z.share : 1 - z.share);
          if (share === 0) continue;
          const row = ((hx ? x.high : x.low) * from[1] + (hy ? y.high : y.low)) * from[2] + (hz ? z.high : z.low);
          for (let c = 0; c < channels; c++) out[place * channels + c]! += share * positions[row * channels + c]!;
        }
        place += 1;
      }
  return out;
}

/** The section `network` of the config that a checkpoint brings; undefined where it brings none. */
function ownSection(metadata: Readonly<Record<string, string>>): ReturnType<typeof knownNetwork> {
  if (metadata.config === undefined) return undefined;
  try {
    const config = parseJson(metadata.config, { depth: 32, values: 100_000 });
    return isRecord(config) ? knownNetwork(config.network) : undefined;
  } catch {
    // A config of another program: the number of places tells what it can.
    return undefined;
  }
}

/** The grid of so many places: of the file's own config, or a cube; undefined where neither tells. */
function gridOfFile(metadata: Readonly<Record<string, string>>, name: string, places: number): Vec3 | undefined {
  const own = ownSection(metadata);
  const grid = own?.descriptor.name === name ? own.descriptor.stateDict.positions?.grid(own.section) : undefined;
  if (grid && voxelCount(grid) === places) return grid;
  const edge = Math.round(Math.cbrt(places));
  return edge ** 3 === places ? [edge, edge, edge] : undefined;
}

/**
 * Positions of a file for the grid of a network; undefined where the tensor is none, is as the network has it, or of a grid that
 * nothing tells.
 *
 * @param metadata of the file
 * @param shape that the network's tensor has
 */
export function placed(
  metadata: Readonly<Record<string, string>>,
  entry: StateEntry,
  shape: readonly number[],
  network: AnyNetwork | undefined,
): { readonly entry: StateEntry; readonly note: string } | undefined {
  const { name, data, shape: own } = entry;
  const described = network && describedSection(network);
  const positions = described?.descriptor.stateDict.positions;
  if (positions?.name !== name || own.length !== 3 || own[2] !== shape[2] || own[1] === shape[1]) return undefined;
  const from = gridOfFile(metadata, described!.descriptor.name, own[1]!);
  if (!from || !(data instanceof Float32Array)) return undefined;
  const to = positions.grid(described!.section);
  return {
    entry: { name, shape, data: regrid(data, own[2]!, from, to) },
    note: `${name}: positions interpolated from a grid of ${formatSize(from)} to one of ${formatSize(to)}`,
  };
}
