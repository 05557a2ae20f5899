import { freemem } from 'node:os';
import { UserError } from '../../../errors/userError';
import type {
  Grid,
  LabelEntry,
  Plane,
  ReducedVolume,
  Slice,
  VolumeHeader,
  VolumeStatistics,
} from '../../../protocol/volume';
import { axisCodes, geometryWarnings, readHeader, readVoxels, spacingOf, type NiftiHeader } from '../../../volume';
import type { Voxels } from '../../../protocol/volume';
import { canonicalView, coincide, extractSlice, sampleSlice, type CanonicalView } from './canonical';
import { labelNames, namedLikeLabels } from './labels';
import { reduceVolume } from './reduce';
import { countLabels, summarizeValues } from './statistics';

interface Loaded {
  readonly voxels: Voxels;
  readonly statistics: VolumeStatistics;
}

const number = (value: number): string => String(Number(value.toPrecision(6)));

function headerRows(header: NiftiHeader): VolumeHeader['rows'] {
  const { affine, size } = header;
  const spacing = spacingOf(affine);
  const triple = (values: readonly number[]): string => values.map(number).join(' × ');
  const scaled = header.slope !== 1 || header.intercept !== 0;
  const rows = [
    { name: 'Dimensions', value: `${size.join(' × ')}${header.channels > 1 ? ` × ${header.channels}` : ''}` },
    { name: 'Spacing', value: `${triple(spacing)} mm` },
    { name: 'Field of view', value: `${triple(spacing.map((mm, axis) => mm * size[axis]!))} mm` },
    { name: 'Orientation', value: `${axisCodes(affine)}, from the ${header.affineSource}` },
    { name: 'Datatype', value: header.datatype.name },
    { name: 'Scaling', value: scaled ? `× ${number(header.slope)} + ${number(header.intercept)}` : 'none' },
    { name: 'sform / qform', value: `code ${header.sformCode} / code ${header.qformCode}` },
    ...[0, 4, 8].map((row) => ({
      name: row === 0 ? 'Affine' : '',
      value: [...affine.subarray(row, row + 4)].map((value) => value.toFixed(2).padStart(7)).join(' '),
    })),
    {
      name: 'Format',
      value: `NIfTI-${header.version}${header.compressed ? ', gzip' : ''}${header.littleEndian ? '' : ', big endian'}`,
    },
  ];
  return header.description ? [...rows, { name: 'Description', value: header.description }] : rows;
}

/** Serves one file: its header at once, then its voxels (one copy, as stored) slice by slice. */
export class VolumeService {
  private opened?: Promise<{ header: NiftiHeader; view: CanonicalView }>;
  private loaded?: Promise<Loaded>;

  constructor(private readonly file: string) {}

  private open(): Promise<{ header: NiftiHeader; view: CanonicalView }> {
    this.opened ??= readHeader(this.file).then((header) => ({ header, view: canonicalView(header) }));
    return this.opened;
  }

  private read(): Promise<Loaded> {
    this.loaded ??= this.readAll();
    return this.loaded;
  }

  private async readAll(): Promise<Loaded> {
    const { header, view } = await this.open();
    const bytes = view.length * header.channels * header.datatype.bytes;
    const free = freemem();
    if (bytes > 0.9 * free) {
      const gib = (value: number): string => (value / 2 ** 30).toFixed(1);
      throw new UserError(
        `${this.file}: needs ${gib(bytes)} GiB of memory and ${gib(free)} GiB are free: close other programs, or resample the volume`,
      );
    }
    const { voxels } = await readVoxels(this.file);
    return { voxels, statistics: await this.summarize(voxels, header) };
  }

  private async summarize(voxels: Voxels, header: NiftiHeader): Promise<VolumeStatistics> {
    const { slope, intercept } = header;
    const summary = summarizeValues(voxels, slope, intercept);
    if (!summary) {
      const histogram = { low: 0, high: 1, bins: [] };
      const warnings = ['no voxel holds a number'];
      return { range: [0, 0], window: [0, 1], hounsfield: false, histogram, warnings };
    }
    const counts = countLabels(voxels, slope, intercept, namedLikeLabels(this.file));
    const warnings = summary.range[0] === summary.range[1] ? [`all voxels have the value ${summary.range[0]}`] : [];
    if (!counts) return { ...summary, warnings };
    const named = await labelNames(this.file, Math.max(...counts.keys()));
    const labels: LabelEntry[] = [...counts].map(([value, count]) => ({ ...named(value), value, voxels: count }));
    return { ...summary, labels, warnings };
  }

  async header(): Promise<VolumeHeader> {
    const { header, view } = await this.open();
    return {
      grid: view.grid,
      storage: view.storage,
      spacing: spacingOf(Float64Array.from(view.grid.affine)),
      channels: header.channels,
      slope: header.slope,
      intercept: header.intercept,
      rows: headerRows(header),
      warnings: geometryWarnings(header),
    };
  }

  async load(): Promise<VolumeStatistics> {
    return (await this.read()).statistics;
  }

  /** Slices of this volume, on another volume's grid when `grid` is given (nearest voxel, 0 outside). */
  async slices(
    plane: Plane,
    indices: readonly number[],
    channel: number,
    grid: Grid | undefined,
  ): Promise<readonly Slice[]> {
    const { view, header } = await this.open();
    const { voxels } = await this.read();
    const target = grid && !coincide(grid, view.grid) ? grid : undefined;
    const { size } = target ?? view.grid;
    const at = Math.min(channel, header.channels - 1);
    return indices
      .filter((index) => index >= 0 && index < size[plane])
      .map((index) =>
        target ? sampleSlice(voxels, view, at, target, plane, index, 0) : extractSlice(voxels, view, at, plane, index),
      );
  }

  async reduced(channel: number, limit: number): Promise<ReducedVolume> {
    const { view } = await this.open();
    const { voxels, statistics } = await this.read();
    return reduceVolume(voxels, view, channel, limit, statistics.labels !== undefined);
  }
}
