import type { Vec3 } from '../geometry';
import { breathe } from '../rpc/breath';
import type {
  Glimpse,
  Grid,
  LabelEntry,
  Plane,
  ReducedVolume,
  Slice,
  VolumeHeader,
  VolumeStatistics,
} from '../protocol/volume';
import type { Voxels } from '../protocol/volume';
import {
  axisCodes,
  everyNth,
  finiteRange,
  formatName,
  geometryWarnings,
  placedBy,
  readEveryNth,
  readHeader,
  readVoxels,
  spacingOf,
  type Affine,
  type GrowingVoxels,
  type NiftiHeader,
} from '../volume';
import { canonicalView, coincide, extractSlice, sampleLinear, sampleNearest, type CanonicalView } from './canonical';
import { glimpseOf } from './glimpse';
import { labelNames, namedLikeLabels } from './labels';
import { reduceVolume } from './reduce';
import { makeThumbnail, type Thumbnail } from './thumbnail';
import { memoryFor, stepsFor, stepsInWords } from './tooLarge';
import { labelCounts, summarizeValues, wholeVoxels } from './statistics';
import { UserError } from '../errors/userError';
import { availableMemory } from '../files/memory';
import { formatSize, significant } from '../text';

/** Voxels that are looked at in one go. */
const PIECE = 1 << 22;

interface Loaded {
  readonly voxels: Voxels;
  readonly statistics: VolumeStatistics;
}

const number = (value: number): string => significant(value, 6);

/** Three rows of numbers, the first of them named. */
function matrixRows(name: string, affine: Affine): VolumeHeader['rows'] {
  return [0, 4, 8].map((row) => ({
    name: row === 0 ? name : '',
    value: [...affine.subarray(row, row + 4)].map((value) => value.toFixed(2).padStart(7)).join(' '),
  }));
}

function headerRows(header: NiftiHeader): VolumeHeader['rows'] {
  const { affine, size, contradicting } = header;
  const spacing = spacingOf(affine);
  const triple = (values: readonly number[]): string => formatSize(values.map(number));
  const scaled = header.slope !== 1 || header.intercept !== 0;
  const rows = [
    { name: 'Dimensions', value: `${formatSize(size)}${header.channels > 1 ? `×${header.channels}` : ''}` },
    { name: 'Spacing', value: `${triple(spacing)} mm` },
    { name: 'Field of view', value: `${triple(spacing.map((mm, axis) => mm * size[axis]!))} mm` },
    { name: 'Orientation', value: `${axisCodes(affine)}, from the ${placedBy(header)}` },
    { name: 'Datatype', value: header.datatype.name },
    { name: 'Scaling', value: scaled ? `× ${number(header.slope)} + ${number(header.intercept)}` : 'none' },
    ...(header.foreign
      ? []
      : [{ name: 'sform / qform', value: `code ${header.sformCode} / code ${header.qformCode}` }]),
    ...matrixRows('Affine', affine),
    ...(contradicting ? matrixRows(`Affine of the qform (${axisCodes(contradicting)}), not used`, contradicting) : []),
    { name: 'Format', value: formatName(header) },
  ];
  return header.description ? [...rows, { name: 'Description', value: header.description }] : rows;
}

/** Says that labels were rounded, where they were. */
function roundedWarning(voxels: Voxels, { slope, intercept }: NiftiHeader): string[] {
  const some = voxels.find((value) => !Number.isInteger(value * slope + intercept));
  return some === undefined
    ? []
    : [`its labels are not whole numbers, such as ${number(some * slope + intercept)}; they are rounded`];
}

interface Opened {
  /** The file's. */
  readonly whole: NiftiHeader;
  /** Of the voxels that are held: all of them, or every n-th. */
  readonly header: NiftiHeader;
  readonly view: CanonicalView;
  readonly step: Vec3;
}

/** Serves one file: its header at once, then its voxels (one copy, as stored) slice by slice. */
export class VolumeService {
  private opened?: Promise<Opened>;
  private loaded?: Promise<Loaded>;
  /** While the file is read whole. */
  private growing?: GrowingVoxels;

  /** @param free bytes of memory that are free, asked once when the header is read. */
  constructor(
    private readonly file: string,
    private readonly free: () => number = availableMemory,
  ) {}

  private open(): Promise<Opened> {
    this.opened ??= this.readHeader();
    return this.opened;
  }

  private async readHeader(): Promise<Opened> {
    const whole = await readHeader(this.file, { anySize: true });
    const step = stepsFor(whole, this.free(), this.file);
    const header = everyNth(whole, step);
    return { whole, header, view: canonicalView(header, step), step };
  }

  private read(): Promise<Loaded> {
    this.loaded ??= this.readAll();
    return this.loaded;
  }

  private async readAll(): Promise<Loaded> {
    const { header, step } = await this.open();
    const all = step.every((n) => n === 1);
    const grow = (growing: GrowingVoxels): void => void (this.growing = growing);
    const { voxels } = all ? await readVoxels(this.file, grow) : await readEveryNth(this.file, step);
    this.growing = undefined;
    const statistics = await this.summarize(voxels, header);
    const whole = statistics.labels ? wholeVoxels(voxels, header.slope, header.intercept) : voxels;
    if (whole === voxels) return { voxels, statistics };
    const warnings = [...statistics.warnings, ...roundedWarning(voxels, header)];
    return { voxels: whole, statistics: { ...statistics, scaling: { slope: 1, intercept: 0 }, warnings } };
  }

  private async summarize(voxels: Voxels, header: NiftiHeader): Promise<VolumeStatistics> {
    const { slope, intercept } = header;
    const summary = summarizeValues(voxels, slope, intercept, header.description);
    if (!summary) {
      const histogram = { low: 0, high: 1, bins: [] };
      const warnings = ['no voxel holds a number'];
      return { range: [0, 0], window: [0, 1], hounsfield: false, histogram, warnings };
    }
    const counts = labelCounts(voxels, slope, intercept, namedLikeLabels(this.file));
    const warnings = summary.range[0] === summary.range[1] ? [`all voxels have the value ${summary.range[0]}`] : [];
    if (!counts) return { ...summary, warnings };
    const named = await labelNames(this.file, Math.max(...counts.keys()));
    const labels: LabelEntry[] = [...counts].map(([value, count]) => ({ ...named(value), value, voxels: count }));
    return { ...summary, labels, warnings };
  }

  /**
   * How the voxels are walked: by the file's own affine, or on another file's grid.
   *
   * @param place grid of a file of the same size, on which the voxels are to lie
   * @throws UserError naming both sizes when they differ
   */
  private async viewAt(place: Grid | undefined): Promise<CanonicalView> {
    const { whole, view, step } = await this.open();
    if (!place) return view;
    if (place.size.join() !== whole.size.join())
      throw new UserError(
        `${this.file}: has ${formatSize(whole.size)} voxels, the image ${formatSize(place.size)}: it cannot lie on the image's grid`,
      );
    return canonicalView(everyNth({ ...whole, affine: Float64Array.from(place.affine) }, step), step);
  }

  /** @param place see {@link slices} */
  async header(place?: Grid): Promise<VolumeHeader> {
    const { header, whole, step } = await this.open();
    const view = await this.viewAt(place);
    const reduced = step.some((n) => n > 1);
    return {
      grid: view.grid,
      fileGrid: { size: whole.size, affine: [...whole.affine] },
      storage: view.storage,
      spacing: spacingOf(Float64Array.from(view.grid.affine)),
      channels: header.channels,
      slope: header.slope,
      intercept: header.intercept,
      rows: headerRows(whole),
      warnings: geometryWarnings(whole),
      ...(reduced && { notice: `${memoryFor(whole)}: ${stepsInWords(whole, step)}` }),
    };
  }

  async load(): Promise<VolumeStatistics> {
    return (await this.read()).statistics;
  }

  /** The three slices at `indices` while the volume is read, as far as it is; null when it is read, or read in part only. */
  async glimpse(indices: Vec3): Promise<Glimpse | null> {
    const { view } = await this.open();
    return this.growing ? glimpseOf(this.growing, view, indices) : null;
  }

  /**
   * Slices of this volume, on another volume's grid when `grid` is given: of a label map the nearest voxels and 0 outside, of an
   * image values between the voxels and NaN outside.
   *
   * @param place grid of another file of the same size, on which this one's voxels are to lie whatever its affine says
   */
  async slices(
    plane: Plane,
    indices: readonly number[],
    channel: number,
    grid: Grid | undefined,
    place?: Grid,
  ): Promise<readonly Slice[]> {
    const { header } = await this.open();
    const view = await this.viewAt(place);
    const { voxels, statistics } = await this.read();
    const target = grid && !coincide(grid, view.grid) ? grid : undefined;
    const { size } = target ?? view.grid;
    const at = Math.min(channel, header.channels - 1);
    const sample = statistics.labels ? sampleNearest : sampleLinear;
    return indices
      .filter((index) => index >= 0 && index < size[plane])
      .map((index) =>
        target
          ? sample(voxels, view, at, { grid: target, plane, index })
          : extractSlice(voxels, view, at, plane, index),
      );
  }

  async reduced(channel: number, limit: number, place?: Grid): Promise<ReducedVolume> {
    const view = await this.viewAt(place);
    const { voxels, statistics } = await this.read();
    return reduceVolume(voxels, view, channel, limit, statistics.labels !== undefined);
  }

  /** Lowest and highest value of all voxels; takes longer than {@link load}'s, which looks at a sample. */
  async range(): Promise<readonly [number, number]> {
    const { header } = await this.open();
    const { voxels, statistics } = await this.read();
    const { slope, intercept } = statistics.scaling ?? header;
    let [low, high] = [Infinity, -Infinity];
    for (let from = 0; from < voxels.length; from += PIECE) {
      const [least, most] = finiteRange(voxels.subarray(from, from + PIECE));
      [low, high] = [Math.min(low, least), Math.max(high, most)];
      // Slices are not to wait for it.
      await breathe();
    }
    if (low > high) return statistics.range;
    const [a, b] = [low * slope + intercept, high * slope + intercept];
    return [Math.min(a, b), Math.max(a, b)];
  }

  /** Reads the file and keeps nothing of it in memory. */
  thumbnail(side: number): Promise<Thumbnail> {
    return makeThumbnail(this.file, side);
  }
}
