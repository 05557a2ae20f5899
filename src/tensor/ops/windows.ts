import { mapAxes, voxelCount, type Vec3 } from '../../geometry';

/** Integer geometry of shifted windows (MONAI networks/nets/swin_unetr.py); no tensors. */

/**
 * The window and shift in use for a stage of size `size`: where the stage is not larger than the window, the window is the
 * stage and the shift 0, on that axis only (MONAI get_window_size).
 */
export function windowSize(size: Vec3, window: Vec3, shift: Vec3): { window: Vec3; shift: Vec3 } {
  const covered = (axis: number) => size[axis]! <= window[axis]!;
  return {
    window: mapAxes((axis) => (covered(axis) ? size[axis]! : window[axis]!)),
    shift: mapAxes((axis) => (covered(axis) ? 0 : shift[axis]!)),
  };
}

/** `size` rounded up to whole windows. */
export function paddedSize(size: Vec3, window: Vec3): Vec3 {
  return mapAxes((axis) => Math.ceil(size[axis]! / window[axis]!) * window[axis]!);
}

/** Row of the bias table for query token i (row) and key token j (column) of a window, as [n·n] with n tokens. */
export function relativePositionIndex(window: Vec3): Int32Array {
  const n = voxelCount(window);
  const [, w1, w2] = window;
  const coordinates = (token: number): Vec3 => [Math.floor(token / (w1 * w2)), Math.floor(token / w2) % w1, token % w2];
  const index = new Int32Array(n * n);
  for (let i = 0; i < n; i++) {
    const a = coordinates(i);
    for (let j = 0; j < n; j++) {
      const b = coordinates(j);
      const [d0, d1, d2] = mapAxes((axis) => a[axis]! - b[axis]! + window[axis]! - 1);
      index[i * n + j] = (d0 * (2 * w1 - 1) + d1) * (2 * w2 - 1) + d2;
    }
  }
  return index;
}

/**
 * For each token of each window, in window order, its place in the padded and shifted volume.
 *
 * `source` is the flat index into the D·H·W voxels, or D·H·W for a token that only pads; `target` is the reverse: where in
 * window order each voxel is; `padding` lists the places of tokens that only pad; `region` numbers the parts of the
 * shifted volume that were neighbours before the shift (MONAI compute_mask): tokens of different regions do not attend to
 * each other.
 */
export interface WindowLayout {
  windows: number;
  tokens: number;
  source: Int32Array;
  target: Int32Array;
  padding: Int32Array;
  region: Int32Array;
}

const layouts = new Map<string, WindowLayout>();
const LAYOUTS_KEPT = 32;

/** {@link WindowLayout} of a stage; the last few are kept. */
export function windowLayout(size: Vec3, window: Vec3, shift: Vec3): WindowLayout {
  const key = [size, window, shift].join(';');
  const kept = layouts.get(key);
  if (kept) return kept;
  const layout = makeLayout(size, window, shift);
  if (layouts.size >= LAYOUTS_KEPT) layouts.delete(layouts.keys().next().value!);
  layouts.set(key, layout);
  return layout;
}

interface AxisPlace {
  voxel: number;
  region: number;
}

/** For each place along one padded, shifted axis: the voxel that lies there (−1 for padding) and its region. */
function axisPlaces(size: number, padded: number, window: number, shift: number): AxisPlace[] {
  return Array.from({ length: padded }, (_, place) => {
    const before = (place + shift) % padded;
    const region = shift === 0 || place < padded - window ? 0 : place < padded - shift ? 1 : 2;
    return { voxel: before < size ? before : -1, region };
  });
}

function makeLayout(size: Vec3, window: Vec3, shift: Vec3): WindowLayout {
  const padded = paddedSize(size, window);
  const axes = [0, 1, 2].map((a) => axisPlaces(size[a]!, padded[a]!, window[a]!, shift[a]!));
  const counts = mapAxes((axis) => padded[axis]! / window[axis]!);
  const windows = voxelCount(counts);
  const tokens = voxelCount(window);
  const voxels = voxelCount(size);
  const source = new Int32Array(windows * tokens);
  const region = new Int32Array(windows * tokens);
  const target = new Int32Array(voxels);
  const padding: number[] = [];
  for (let place = 0; place < source.length; place++) {
    const [w, t] = [Math.floor(place / tokens), place % tokens];
    const w3: Vec3 = [Math.floor(w / (counts[1] * counts[2])), Math.floor(w / counts[2]) % counts[1], w % counts[2]];
    const t3: Vec3 = [Math.floor(t / (window[1] * window[2])), Math.floor(t / window[2]) % window[1], t % window[2]];
    const [d, h, x] = [0, 1, 2].map((a) => axes[a]![w3[a]! * window[a]! + t3[a]!]!) as [
      AxisPlace,
      AxisPlace,
      AxisPlace,
    ];
    region[place] = (d.region * 3 + h.region) * 3 + x.region;
    if (d.voxel < 0 || h.voxel < 0 || x.voxel < 0) {
      source[place] = voxels;
      padding.push(place);
    } else {
      source[place] = (d.voxel * size[1] + h.voxel) * size[2] + x.voxel;
      target[source[place]!] = place;
    }
  }
  return { windows, tokens, source, target, padding: Int32Array.from(padding), region };
}

/**
 * MONAI compute_mask for a volume of whole windows: [windows, n, n] with −100 where query and key come from different
 * regions, else 0.
 */
export function shiftMask(size: Vec3, window: Vec3, shift: Vec3): Float32Array {
  const { windows, tokens: n, region } = windowLayout(paddedSize(size, window), window, shift);
  const mask = new Float32Array(windows * n * n);
  for (let w = 0, at = 0; w < windows; w++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++, at++) mask[at] = region[w * n + i] === region[w * n + j] ? 0 : MASKED;
    }
  }
  return mask;
}

/** Added to the logit of a pair of tokens that may not attend to each other. */
export const MASKED = -100;
