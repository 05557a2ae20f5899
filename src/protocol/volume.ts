import type { Vec3 } from '../geometry';
import type { ResultClass } from './scores';

/**
 * The volume viewer: the calls of the webview and the events of the host. Volumes are seen on a canonical grid: the file's
 * voxel axes permuted and flipped (never resampled) so that axis 0 runs most to the patient's right, 1 to anterior and 2 to superior.
 */
export type { Vec3 };

/** Canonical axis that a slice is perpendicular to: 0 sagittal, 1 coronal, 2 axial. */
export type Plane = 0 | 1 | 2;

export type Voxels =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

export interface Grid {
  readonly size: Vec3;
  /** Row-major 4×4: canonical index to millimetres (RAS+). */
  readonly affine: readonly number[];
}

/** How the canonical grid lies in the file: canonical axis `a` is the file's axis `axis[a]`, backwards where `flipped[a]`. */
export interface VoxelStorage {
  readonly axis: Vec3;
  readonly flipped: readonly [boolean, boolean, boolean];
  /** Along the file's axes: only every n-th voxel is shown of a volume that is too large. */
  readonly step: Vec3;
}

export interface HeaderRow {
  readonly name: string;
  readonly value: string;
}

/** What the header says, before any voxel is read. */
export interface VolumeHeader {
  readonly grid: Grid;
  /** The file's own grid: its axes as stored, all of its voxels. */
  readonly fileGrid: Grid;
  readonly storage: VoxelStorage;
  readonly spacing: Vec3;
  /** Volumes of a 4-D file. */
  readonly channels: number;
  /** Value = stored · slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
  readonly rows: readonly HeaderRow[];
  readonly warnings: readonly string[];
  /** Said above the slices: what is shown is not all of the file. */
  readonly notice?: string;
}

export interface LabelEntry {
  readonly value: number;
  readonly name: string;
  readonly colour: string;
  readonly voxels: number;
}

export interface Histogram {
  readonly low: number;
  readonly high: number;
  /** Share of the fullest bin, 0 to 1. */
  readonly bins: readonly number[];
}

/** What the voxels tell; values are scaled by slope and intercept. */
export interface VolumeStatistics {
  readonly range: readonly [number, number];
  /** A window from percentiles that leaves out padding. */
  readonly window: readonly [number, number];
  /** Whether the values look like Hounsfield units. */
  readonly hounsfield: boolean;
  readonly histogram: Histogram;
  /** Present when the volume is a label map. */
  readonly labels?: readonly LabelEntry[];
  /** Of the voxels that slices have, where that is not the file's: labels that were stored otherwise come as whole numbers. */
  readonly scaling?: { readonly slope: number; readonly intercept: number };
  readonly warnings: readonly string[];
}

/** A slice as stored in the file (not scaled): the lower of the two other canonical axes runs along a row. */
export interface Slice {
  readonly index: number;
  readonly width: number;
  readonly height: number;
  readonly data: Voxels;
}

/** A slice with every `step`-th voxel, as far as the volume was read; others are NaN. */
export interface EarlySlice {
  readonly plane: Plane;
  readonly index: number;
  readonly step: number;
  readonly width: number;
  readonly height: number;
  /** Not scaled. */
  readonly data: Float32Array;
}

/** What can be seen of a volume while it is read. */
export interface Glimpse {
  /** Of the volume that is read, 0 to 1. */
  readonly share: number;
  /** Empty while nothing can be shown. */
  readonly slices: readonly EarlySlice[];
  /** What the slices tell of the values, for a first window. */
  readonly values?: Pick<VolumeStatistics, 'range' | 'window' | 'hounsfield'>;
}

export interface SliceRequest {
  readonly volume: string;
  readonly plane: Plane;
  readonly indices: readonly number[];
  readonly channel: number;
}

/** A volume made small for 3-D rendering: means of blocks, or the middle voxel of each block of a label map; not scaled. */
export interface ReducedVolume {
  readonly grid: Grid;
  readonly data: Voxels;
}

/**
 * How a volume on top of another is drawn: `labels` filled, `outline` their borders, `error` where a prediction differs from the
 * truth, `scale` in the colours of a scale whose ends are said, `auto` filled for a label map and as a heat map for an image.
 */
export type OverlayMode = 'auto' | 'labels' | 'outline' | 'error' | 'scale';

/** What is to be drawn on top of a volume. Paths are absolute. */
export interface OverlayWish {
  readonly path: string;
  /** What it is called; the file's name when absent. */
  readonly name?: string;
  readonly mode: OverlayMode;
  /** In mode `error`: the label map that is right. */
  readonly truth?: string;
  /** In mode `scale`: the values at the ends of the colours. */
  readonly range?: readonly [number, number];
  /** The labels that count, with their names and colours; without it all do, named by the files beside the volume. */
  readonly classes?: readonly ResultClass[];
  readonly hidden?: boolean;
  /** Drawn voxel by voxel on the grid of the volume below, which has the same size, whatever its affine says. */
  readonly onImageGrid?: boolean;
}

/** What is said of where an overlay lies. */
export interface OverlayPlace {
  readonly text: string;
  /** The grid that may be taken instead: the image's, or its own. */
  readonly choice?: 'image' | 'own';
}

/** A volume that is to be shown, with what is on top of it, lowest first. */
export interface VolumeWish {
  readonly path: string;
  readonly name?: string;
  readonly overlays: readonly OverlayWish[];
}

/** One file behind the panel. */
export interface VolumeFile {
  /** Names the file in this panel; the same for two overlays of the same file. */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly header?: VolumeHeader;
  /** Why there is no header. */
  readonly error?: string;
}

/** A volume drawn on top of another, sampled on its grid. */
export interface ShownOverlay extends VolumeFile {
  readonly wish: OverlayWish;
  /** Present when there is something to say of where it lies. */
  readonly place?: OverlayPlace;
  /** In mode `error`. */
  readonly truth?: VolumeFile;
}

export interface ShownVolume extends VolumeFile {
  readonly overlays: readonly ShownOverlay[];
  /** A label file that seems to belong to this image, not shown yet. */
  readonly suggestion?: { readonly path: string; readonly name: string };
}

/** Where to look, as asked by a command. The first that is given of `crosshair`, `voxel` and `slice` counts. */
export interface Look {
  /** Millimetres (RAS+). */
  readonly crosshair?: Vec3;
  /** Index in the first volume's file, counted from 0. */
  readonly voxel?: Vec3;
  /** A slice across an axis of the first volume's file, counted from 0. */
  readonly slice?: { readonly axis: 0 | 1 | 2; readonly index: number };
  /** The only label to show; null shows all. */
  readonly label?: number | null;
  /** Labels that are not shown, instead of those that were hidden before. */
  readonly hiddenLabels?: readonly number[];
  /** Whether the overlays are shown in turns. */
  readonly blink?: boolean;
}

export interface VolumeContract {
  readonly calls: {
    readonly open: {
      /** What the page shows, or what an earlier life of it showed; empty at first. */
      readonly params: { readonly volumes: readonly VolumeWish[] };
      readonly result: { readonly volumes: readonly ShownVolume[]; readonly look?: Look };
    };
    /** Answered when the voxels are in memory. */
    readonly load: { readonly params: { readonly volume: string }; readonly result: VolumeStatistics };
    /** The three slices at `indices` as far as the volume was read; null when `load` is about to be answered. */
    readonly glimpse: {
      readonly params: { readonly volume: string; readonly indices: Vec3 };
      readonly result: Glimpse | null;
    };
    /** The range of all voxels; `load` gives that of a sample. */
    readonly range: { readonly params: { readonly volume: string }; readonly result: readonly [number, number] };
    readonly slices: { readonly params: SliceRequest; readonly result: readonly Slice[] };
    readonly reduced: {
      readonly params: { readonly volume: string; readonly channel: number; readonly limit: number };
      readonly result: ReducedVolume;
    };
    /** Asks the user for a file to draw on top; undefined when the dialog was cancelled. */
    readonly chooseOverlay: { readonly params: { readonly volume: string }; readonly result: string | undefined };
    /** Returns the file written, or undefined when the dialog was cancelled. */
    readonly saveImage: {
      readonly params: { readonly name: string; readonly png: Uint8Array };
      readonly result: string | undefined;
    };
  };
  readonly events: {
    /** A file was read again, or a command asks for something else: open anew. Cached data of `path` is out of date. */
    readonly changed: { readonly path?: string };
    /** The file on disk can't be read now; what is shown is the last good version. Empty when it is well again. */
    readonly trouble: { readonly volume: string; readonly message: string };
  };
}

export type Layout = 'all' | 'axial' | 'coronal' | 'sagittal' | '3d';
export type Tool = 'crosshair' | 'window' | 'pan' | 'measure';

/** What the viewer remembers across hiding and reloading. */
export interface VolumeState {
  readonly volumes: readonly VolumeWish[];
  readonly layout: Layout;
  readonly tool: Tool;
  /** Millimetres; the middle of the first volume when absent. */
  readonly crosshair?: Vec3;
  readonly window?: readonly [number, number];
  /** A named window such as `lung`, or `custom`; empty until the volume is known. */
  readonly namedWindow: string;
  readonly zoom: number;
  /** Millimetres along the canonical axes by which the view is moved from the middle. */
  readonly pan: Vec3;
  readonly channel: number;
  readonly radiological: boolean;
  readonly smooth: boolean;
  readonly opacity: number;
  readonly outline: boolean;
  readonly hiddenLabels: readonly number[];
  /** The only label that is shown, whatever is hidden. */
  readonly onlyLabel?: number;
  readonly sidebar: boolean;
}
