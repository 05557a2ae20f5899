/**
 * The volume viewer: what the webview asks, and what the host tells it. Volumes are seen on a canonical grid: the file's
 * voxel axes permuted and flipped (never resampled) so that axis 0 runs most to the patient's right, 1 to anterior and 2 to superior.
 */
export type Triple = readonly [number, number, number];

/** Canonical axis that a slice is perpendicular to: 0 sagittal, 1 coronal, 2 axial. */
export type Plane = 0 | 1 | 2;

export type Voxels =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

export interface Grid {
  readonly size: Triple;
  /** Row-major 4×4: canonical index to millimetres (RAS+). */
  readonly affine: readonly number[];
}

/** How the canonical grid lies in the file: canonical axis `a` is the file's axis `axis[a]`, backwards where `flipped[a]`. */
export interface Storage {
  readonly axis: Triple;
  readonly flipped: readonly [boolean, boolean, boolean];
}

export interface HeaderRow {
  readonly name: string;
  readonly value: string;
}

/** What a header tells, before any voxel is read. */
export interface VolumeHeader {
  readonly grid: Grid;
  readonly storage: Storage;
  readonly spacing: Triple;
  /** Volumes of a 4-D file. */
  readonly channels: number;
  /** Value = stored · slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
  readonly rows: readonly HeaderRow[];
  readonly warnings: readonly string[];
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
  readonly warnings: readonly string[];
}

/** A slice as stored in the file (not scaled): the lower of the two other canonical axes runs along a row. */
export interface Slice {
  readonly index: number;
  readonly width: number;
  readonly height: number;
  readonly data: Voxels;
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

export interface ShownVolume {
  /** Names the volume in this panel. */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly header?: VolumeHeader;
  /** Why there is no header. */
  readonly error?: string;
  /** The volume drawn on top, sampled on the grid of this one. */
  readonly overlay?: ShownVolume;
  /** A label file that seems to belong to this image, not shown yet. */
  readonly suggestion?: { readonly path: string; readonly name: string };
}

export interface VolumeContract {
  readonly calls: {
    readonly open: {
      /** Overlays that an earlier life of the page showed, by the path of the volume below. */
      readonly params: { readonly overlays: Readonly<Record<string, string>> };
      readonly result: { readonly volumes: readonly ShownVolume[] };
    };
    /** Answered when the voxels are in memory. */
    readonly load: { readonly params: { readonly volume: string }; readonly result: VolumeStatistics };
    readonly slices: { readonly params: SliceRequest; readonly result: readonly Slice[] };
    readonly reduced: {
      readonly params: { readonly volume: string; readonly channel: number; readonly limit: number };
      readonly result: ReducedVolume;
    };
    /** Asks the user for a file unless `path` is given; undefined when the dialog was cancelled. */
    readonly addOverlay: {
      readonly params: { readonly volume: string; readonly path?: string };
      readonly result: ShownVolume | undefined;
    };
    readonly removeOverlay: { readonly params: { readonly volume: string }; readonly result: null };
    /** Returns the file written, or undefined when the dialog was cancelled. */
    readonly saveImage: {
      readonly params: { readonly name: string; readonly png: Uint8Array };
      readonly result: string | undefined;
    };
  };
  readonly events: {
    /** The file changed and was read again, or an overlay was chosen by a command: open anew. */
    readonly changed: null;
    /** The file on disk can't be read now; what is shown is the last good version. Empty when it is well again. */
    readonly trouble: { readonly volume: string; readonly message: string };
  };
}

export type Layout = 'all' | 'axial' | 'coronal' | 'sagittal' | '3d';
export type Tool = 'crosshair' | 'window' | 'pan' | 'measure';

/** What the viewer remembers across hiding and reloading. */
export interface VolumeState {
  /** The files shown, for a comparison to be restored. */
  readonly files: readonly string[];
  readonly overlays: Readonly<Record<string, string>>;
  readonly layout: Layout;
  readonly tool: Tool;
  /** Millimetres; the middle of the first volume when absent. */
  readonly crosshair?: Triple;
  readonly window?: readonly [number, number];
  readonly preset: string;
  readonly zoom: number;
  /** Millimetres along the canonical axes by which the view is moved from the middle. */
  readonly pan: Triple;
  readonly channel: number;
  readonly radiological: boolean;
  readonly smooth: boolean;
  readonly opacity: number;
  readonly outline: boolean;
  readonly hiddenLabels: readonly number[];
  readonly sidebar: boolean;
}
