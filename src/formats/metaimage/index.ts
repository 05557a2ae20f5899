import { UserError } from '../../errors/userError';
import { affineOf, arrange, completeAxes, lpsToRas, scaled } from '../arrange';
import { checkLength, dataFileLength, fileLength, readBytes } from '../fileBytes';
import { bytesOf } from '../numbers';
import type { FormatHeader, OpenedFile } from '../types';
import { dataFiles, isBigEndian, readData } from './data';
import { isTrue, numbers, parseMeta, voxelType, type MetaFields } from './header';

/** Lists of slices can be long. */
const HEADER_LIMIT = 1 << 22;

function sizesOf(header: MetaFields, file: string): number[] {
  const object = header.fields.get('objecttype');
  if (object !== undefined && !/^image$/i.test(object))
    throw new UserError(`${file}: holds a MetaIO object of type ${object}, not an image`);
  const dimensions = Number(header.fields.get('ndims'));
  if (!(dimensions >= 1 && dimensions <= 10)) throw new UserError(`${file}: the MetaImage header has no valid NDims`);
  const sizes = numbers(header, ['DimSize'], dimensions, file);
  if (!sizes || sizes.some((n) => !Number.isSafeInteger(n) || n < 1))
    throw new UserError(`${file}: DimSize in the MetaImage header makes no sense: the file is damaged`);
  return sizes;
}

function place(header: MetaFields, dimensions: number, file: string, warnings: string[]) {
  const axes = Math.min(3, dimensions);
  const spacing = numbers(header, ['ElementSpacing', 'ElementSize'], dimensions, file);
  if (!spacing) warnings.push('no ElementSpacing in the header: voxels are taken as 1 mm');
  const matrix = numbers(header, ['TransformMatrix', 'Rotation', 'Orientation'], dimensions * dimensions, file);
  const offset = numbers(header, ['Offset', 'Position', 'Origin'], dimensions, file);
  const columns = Array.from({ length: axes }, (_, axis) => {
    const direction = [0, 1, 2].map((row) =>
      row < dimensions ? (matrix?.[axis * dimensions + row] ?? Number(row === axis)) : 0,
    );
    const mm = Math.abs(spacing?.[axis] ?? 1) || 1;
    return lpsToRas(scaled(direction, mm));
  });
  const origin = [0, 1, 2].map((row) => (row < dimensions ? (offset?.[row] ?? 0) : 0));
  return { affine: affineOf(completeAxes(columns), lpsToRas(origin)), known: matrix !== undefined };
}

async function readFields(file: string): Promise<MetaFields> {
  return parseMeta(await readBytes(file, 0, HEADER_LIMIT), file);
}

/**
 * Opens a MetaImage file, `.mha` or `.mhd`.
 *
 * @throws UserError naming the file
 */
export async function openMeta(file: string): Promise<OpenedFile> {
  const fields = await readFields(file);
  const sizes = sizesOf(fields, file);
  const type = voxelType(fields, file);
  const warnings: string[] = [];
  const { affine, known } = place(fields, sizes.length, file, warnings);
  const perVoxel = Math.max(1, Math.trunc(Number(fields.fields.get('elementnumberofchannels') ?? 1)) || 1);
  // Numbers of a voxel stand together, so they are the fastest axis of the file.
  const all = perVoxel > 1 ? [perVoxel, ...sizes] : sizes;
  const spatial = [0, 1, 2].filter((axis) => axis < sizes.length).map((axis) => axis + (perVoxel > 1 ? 1 : 0));
  if (perVoxel > 1)
    warnings.push(
      `${perVoxel} numbers a voxel${perVoxel === 3 && type === 'uint8' ? ' (colours?)' : ''} are read as channels`,
    );
  const count = all.reduce((product, n) => product * n, 1);
  const size = [sizes[0] ?? 1, sizes[1] ?? 1, sizes[2] ?? 1] as const;
  const compressed = isTrue(fields, 'CompressedData');
  const wanted = { type, count, depth: sizes.at(-1)! };
  await checkFiles(fields, file, wanted, compressed);
  const header: FormatHeader = {
    name: 'metaimage',
    format: `MetaImage${compressed ? ', zlib' : ''}${isBigEndian(fields) && bytesOf(type) > 1 ? ', big endian' : ''}`,
    affineFrom: known ? 'TransformMatrix' : 'ElementSpacing',
    size,
    channels: count / (size[0] * size[1] * size[2]),
    type,
    littleEndian: !isBigEndian(fields),
    compressed,
    slope: 1,
    intercept: 0,
    affine,
    description: fields.fields.get('comment') ?? '',
    warnings,
  };
  return { header, read: async () => arrange(await readData(fields, file, wanted), type, { sizes: all, spatial }) };
}

interface Wanted {
  readonly type: FormatHeader['type'];
  readonly count: number;
  readonly depth: number;
}

/** What can be told without reading voxels: a missing data file, one that is too short. */
async function checkFiles(
  fields: MetaFields,
  file: string,
  { type, count, depth }: Wanted,
  compressed: boolean,
): Promise<void> {
  const files = dataFiles(fields, depth, file);
  for (const one of files ?? []) await dataFileLength(one, file);
  const text = fields.fields.has('binarydata') && !isTrue(fields, 'BinaryData');
  if (compressed || text) return;
  const each = (count / (files?.length ?? 1)) * bytesOf(type);
  if (files) for (const one of files) checkLength(await fileLength(one), each, one);
  else checkLength((await fileLength(file)) - fields.end, each, file);
}

/** The files that hold a volume beside its header. */
export async function metaDataFiles(file: string): Promise<readonly string[]> {
  const fields = await readFields(file);
  return dataFiles(fields, sizesOf(fields, file).at(-1)!, file) ?? [];
}
