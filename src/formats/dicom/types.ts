import type { PixelData } from './dataset';

/** One image: a file, or a frame of one. Positions and directions are DICOM's: left, posterior, superior. */
export interface Frame {
  /** In its file. */
  readonly index: number;
  /** Of the centre of the first pixel, mm. */
  readonly position: readonly number[] | undefined;
  /** Directions of a row (towards higher columns) and of a column. */
  readonly orientation: readonly number[] | undefined;
  /** Between rows, and between columns, mm. */
  readonly spacing: readonly number[] | undefined;
  readonly slope: number;
  readonly intercept: number;
  /** Whether the file says so; else they are 1 and 0. */
  readonly rescaled: boolean;
  readonly thickness: number | undefined;
  /** Spacing Between Slices. */
  readonly between: number | undefined;
  readonly location: number | undefined;
  /** Instance Number; NaN without one. */
  readonly instance: number;
  /** What may tell it from others at the same position. */
  readonly marks: Readonly<Record<string, string>>;
  /** Of a mosaic: its place in the large picture, and the size of one tile. */
  readonly tile?: { readonly x: number; readonly y: number; readonly columns: number; readonly rows: number };
}

/** What is kept of a DICOM file. */
export interface FileInfo {
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  readonly transferSyntax: string;
  readonly bigEndian: boolean;
  readonly deflated: boolean;
  readonly pixels: PixelData | undefined;
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly signed: boolean;
  readonly photometric: string;
  readonly frameCount: number;
  readonly frames: readonly Frame[];
  readonly series: SeriesInfo;
  readonly sopUid: string;
  readonly warnings: readonly string[];
  /** What it is, when it is no volume of one number a voxel. */
  readonly other?: string;
  /** What is wrong with it. */
  readonly problem?: string;
}

export interface SeriesInfo {
  readonly uid: string;
  readonly number: number | null;
  readonly description: string;
  readonly modality: string;
}

/** A frame with its file. */
export interface Image extends Frame {
  readonly file: FileInfo;
}

/** Columns and rows of an image. */
export function sizeOf(image: Image): readonly [columns: number, rows: number] {
  return image.tile ? [image.tile.columns, image.tile.rows] : [image.file.columns, image.file.rows];
}
