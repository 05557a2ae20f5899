import type { Vec3 } from '../geometry';

export type Voxels =
  Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

export type VoxelType =
  'uint8' | 'int8' | 'int16' | 'uint16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'float32' | 'float64';

/** Formats that are read beside NIfTI. */
export type FormatName = 'dicom' | 'nrrd' | 'metaimage' | 'mgh';

/** A segment of a `.seg.nrrd` file of 3D Slicer. */
export interface Segment {
  readonly name: string;
  /** The number of its voxels. */
  readonly labelValue: number;
  /** The channel that its voxels are in: segments of one layer do not overlap. */
  readonly layer: number;
  /** Red, green and blue, 0 to 1. */
  readonly color?: Vec3;
}

/** What the header of a file (or of a DICOM series) says. */
export interface FormatHeader {
  readonly name: FormatName;
  /** For people: `NRRD, gzip`. */
  readonly format: string;
  /** What places the voxels in space, for people: `space directions`. */
  readonly affineFrom: string;
  readonly size: Vec3;
  readonly channels: number;
  /** Of the stored numbers. */
  readonly type: VoxelType;
  readonly littleEndian: boolean;
  readonly compressed: boolean;
  /** Value = stored · slope + intercept. */
  readonly slope: number;
  readonly intercept: number;
  /** 4×4, row-major, from voxels to millimetres in RAS+ space. */
  readonly affine: Float64Array;
  readonly description: string;
  /** What a user should know of the file, one line each. */
  readonly warnings: readonly string[];
  readonly segments?: readonly Segment[];
  /** Of a segmentation that was cut out of its image's grid: the voxel of that grid at which it begins, as the file says. */
  readonly extentOffset?: Vec3;
  /** DICOM's facts of how the image was made, without anything of the patient. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** DICOM's facts that can identify the patient. */
  readonly identity?: Readonly<Record<string, unknown>>;
}

/** A file whose header was read. */
export interface OpenedFile {
  readonly header: FormatHeader;
  /** The stored numbers, native byte order, x fastest, then y, z, channel; 64-bit integers as float64. */
  read(): Promise<Voxels>;
}

export interface OpenOptions {
  /** Of a DICOM folder with several series: the one that is meant, by UID, number, or number and part (`3#2`). */
  readonly series?: string;
}

/** One series of a DICOM folder, or a part of one whose images are no single volume. */
export interface SeriesEntry {
  /** What chooses it: its number (`3`, `3#2` for a part), or its UID where the number is taken. */
  readonly key: string;
  readonly uid: string;
  readonly number: number | null;
  readonly description: string;
  readonly modality: string;
  /** Images, frames of multi-frame files counted singly. */
  readonly slices: number;
  /** Columns × rows. */
  readonly columns: number;
  readonly rows: number;
  /** `axial`, `coronal`, `sagittal`, `oblique` or `''`. */
  readonly plane: string;
  /** What else tells a part from the others. */
  readonly part: string;
  /** Folder that it lies in. */
  readonly folder: string;
}

export interface SeriesList {
  readonly series: readonly SeriesEntry[];
  /** Objects that hold no image, in words. */
  readonly others: readonly string[];
}
