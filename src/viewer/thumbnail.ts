import { mapVec3 } from '../geometry';
import type { Slice } from '../protocol/volume';
import { readEveryNth, readHeader, spacingOf, wholeLabel, type NiftiHeader } from '../volume';
import { canonicalView, extractSlice, type CanonicalView } from './canonical';
import { labelNames, namedLikeLabels } from './labels';
import { encodePng } from './png';
import { CT_WINDOW, labelCounts, summarizeValues } from './statistics';
import { formatSize, significant } from '../text';

/** A small picture of a volume. */
export interface Thumbnail {
  /** A PNG file. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** `512×512×300 voxels, 0.8×0.8×2.5 mm`. */
  readonly caption: string;
}

type Painter = (value: number) => readonly number[];

/** Greys of the usual window, or the colours of labels. */
async function painterOf(file: string, voxels: Slice['data'], header: NiftiHeader): Promise<Painter> {
  const { slope, intercept, description } = header;
  const counts = labelCounts(voxels, slope, intercept, namedLikeLabels(file));
  if (counts) {
    const named = await labelNames(file, Math.max(...counts.keys()));
    const colours = new Map(
      [...counts.keys()].map((value) => {
        const code = Number.parseInt((value === 0 ? '#000000' : named(value).colour).slice(1), 16);
        return [value, [(code >> 16) & 255, (code >> 8) & 255, code & 255]];
      }),
    );
    return (value) => colours.get(wholeLabel(value) ?? 0) ?? [0, 0, 0];
  }
  const summary = summarizeValues(voxels, slope, intercept, description);
  const [low, high] = summary?.hounsfield ? CT_WINDOW : (summary?.window ?? [0, 1]);
  // What is not a number is black.
  return (value) => [Math.min(255, Math.max(0, Math.round((255 * (value - low)) / (high - low)))) || 0];
}

/** Pixels of a slice as it is looked at: the patient's right on the left, anterior above, millimetres square. */
function layOut(slice: Slice, view: CanonicalView, side: number, paint: (stored: number) => readonly number[]) {
  const spacing = spacingOf(Float64Array.from(view.grid.affine));
  const [across, down] = [slice.width * spacing[0], slice.height * spacing[1]];
  const scale = side / Math.max(across, down);
  const [width, height] = [across, down].map((mm) => Math.max(1, Math.round(mm * scale))) as [number, number];
  const samples: number[] = [];
  for (let y = 0; y < height; y++) {
    const row = slice.height - 1 - Math.floor(((y + 0.5) * slice.height) / height);
    for (let x = 0; x < width; x++) {
      const column = slice.width - 1 - Math.floor(((x + 0.5) * slice.width) / width);
      samples.push(...paint(slice.data[row * slice.width + column]!));
    }
  }
  return { width, height, samples: Uint8Array.from(samples) };
}

/**
 * The middle axial slice of a file as a PNG of at most `side` pixels a side. Only every n-th voxel is held.
 *
 * @throws UserError naming the file when it can't be read.
 */
export async function makeThumbnail(file: string, side: number): Promise<Thumbnail> {
  const whole = await readHeader(file, { anySize: true });
  const step = mapVec3(whole.size, (n) => Math.max(1, Math.floor(n / side)));
  const { header, voxels } = await readEveryNth(file, step);
  const view = canonicalView(header, step);
  const slice = extractSlice(voxels, view, 0, 2, Math.floor(view.grid.size[2] / 2));
  const { slope, intercept } = header;
  const painter = await painterOf(file, voxels, header);
  const { width, height, samples } = layOut(slice, view, side, (stored) => painter(stored * slope + intercept));
  const spacing = spacingOf(whole.affine).map((mm) => significant(mm, 3));
  const volumes = whole.channels > 1 ? `×${whole.channels}` : '';
  const caption = `${formatSize(whole.size)}${volumes} voxels, ${formatSize(spacing)} mm`;
  return { data: encodePng(width, height, samples), width, height, caption };
}
