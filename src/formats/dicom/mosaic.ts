import { cross, dot, lengthOf, scaled } from '../arrange';
import type { Tags } from './dataset';
import type { Frames } from './frames';
import type { FileInfo, Frame } from './types';

/**
 * Values of a Siemens CSA header by name (format `SV10`, as described in
 * https://nipy.org/nibabel/dicom/siemens_csa.html).
 */
function readCsa(bytes: Uint8Array | undefined): Map<string, string[]> {
  const found = new Map<string, string[]>();
  if (!bytes || bytes.length < 16) return found;
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (data.toString('latin1', 0, 4) !== 'SV10') return found;
  const count = data.readUInt32LE(8);
  let at = 16;
  for (let tag = 0; tag < count && at + 84 <= data.length; tag++) {
    const name = data.toString('latin1', at, at + 64).replace(/\0.*$/s, '');
    const items = data.readInt32LE(at + 76);
    at += 84;
    const values: string[] = [];
    for (let item = 0; item < items && at + 16 <= data.length; item++) {
      const length = data.readInt32LE(at + 4);
      at += 16;
      if (length < 0 || at + length > data.length) return found;
      const text = data
        .toString('latin1', at, at + length)
        .replace(/\0.*$/s, '')
        .trim();
      if (text !== '') values.push(text);
      at += Math.ceil(length / 4) * 4;
    }
    if (values.length > 0) found.set(name, values);
  }
  return found;
}

/** Of a picture, each at least some pixels wide. */
const MOST_TILES = 10_000;

/** The tiles of a mosaic as frames: Siemens puts all slices of one measurement into one large picture. */
export function mosaicFrames(data: Tags, { rows, columns }: Pick<FileInfo, 'rows' | 'columns'>, first: Frame): Frames {
  const csa = readCsa(data.bytes('x00291010'));
  const count = Number(csa.get('NumberOfImagesInMosaic')?.[0] ?? data.short('x0019100a') ?? 0);
  const { position, orientation, spacing } = first;
  const step = first.between ?? first.thickness;
  const refused = (why: string): Frames => ({
    frames: [],
    warnings: [],
    refused: `a Siemens mosaic (many slices in one picture) ${why}`,
  });
  if (!(count >= 1 && count <= MOST_TILES) || !Number.isInteger(count))
    return refused('that does not say how many slices it has');
  if (!position || !orientation || !spacing || !step) return refused('without position, orientation or spacing');
  const side = Math.ceil(Math.sqrt(count));
  const size = { columns: Math.floor(columns / side), rows: Math.floor(rows / side) };
  const [row, column] = [orientation.slice(0, 3), orientation.slice(3)];
  // The header gives the corner of the large picture as if it were one slice.
  const corner = position.map(
    (mm, axis) =>
      mm +
      (row[axis]! * spacing[1]! * (columns - size.columns)) / 2 +
      (column[axis]! * spacing[0]! * (rows - size.rows)) / 2,
  );
  const across = cross(row, column);
  const stated = csa.get('SliceNormalVector')?.slice(0, 3).map(Number);
  const known = stated?.length === 3 && stated.every(Number.isFinite) && lengthOf(stated) > 0.5;
  const normal = scaled(across, (known && dot(stated, across) < 0 ? -1 : 1) / lengthOf(across));
  const frames = Array.from({ length: count }, (_, index) => ({
    ...first,
    position: corner.map((mm, axis) => mm + normal[axis]! * step * index),
    tile: { x: (index % side) * size.columns, y: Math.floor(index / side) * size.rows, ...size },
  }));
  const warnings = [`a Siemens mosaic of ${count} slices, taken apart`];
  if (!known) warnings.push('the mosaic does not say in which direction its slices run: along row × column is assumed');
  return { frames, warnings };
}
