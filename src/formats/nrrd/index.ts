import { UserError } from '../../errors/userError';
import { listOf } from '../../text';
import { arrange } from '../arrange';
import { checkLength, dataFileLength, fileLength, readBytes } from '../fileBytes';
import { bytesOf } from '../numbers';
import type { FormatHeader, OpenedFile, Segment } from '../types';
import { dataFiles, encodingOf, readData } from './data';
import { geometryOf } from './geometry';
import { HEADER_LIMIT, needed, parseNrrd, voxelType, words, type NrrdFields } from './header';
import { extentOffsetOf, segmentsOf } from './segments';

const FIRST = 1 << 16;
/** The most that the format allows. */
const MOST_AXES = 16;

async function readFields(file: string): Promise<NrrdFields> {
  const length = await fileLength(file);
  for (let count = FIRST; ; count *= 4) {
    const header = parseNrrd(await readBytes(file, 0, Math.min(count, HEADER_LIMIT)), file);
    if (header.end < count || count >= Math.min(length, HEADER_LIMIT)) return header;
  }
}

function sizesOf({ fields }: NrrdFields, file: string): number[] {
  const sizes = words(needed(fields, 'sizes', file)).map(Number);
  const dimension = Number(needed(fields, 'dimension', file));
  if (
    dimension > MOST_AXES ||
    sizes.length !== dimension ||
    sizes.length === 0 ||
    sizes.some((n) => !Number.isSafeInteger(n) || n < 1)
  )
    throw new UserError(`${file}: sizes ${sizes.join(' ')} of ${dimension} axes in the NRRD header make no sense`);
  return sizes;
}

function layerWarnings(segments: readonly Segment[] | undefined, channels: number): string[] {
  if (!segments || channels < 2) return [];
  const first = segments.filter(({ layer }) => layer === 0).map(({ name }) => name);
  return [
    `its segments overlap and lie in ${channels} layers, read as channels: where one label map is read, it is the first layer (${listOf(first, 'and')})`,
  ];
}

/**
 * Opens an NRRD file, with its header attached or detached (`.nhdr`).
 *
 * @throws UserError naming the file
 */
export async function openNrrd(file: string): Promise<OpenedFile> {
  const fields = await readFields(file);
  const sizes = sizesOf(fields, file);
  const type = voxelType(fields, file);
  const encoding = encodingOf(fields, file);
  const { spatial, affine, source, warnings } = geometryOf(fields, sizes, file);
  const count = sizes.reduce((product, n) => product * n, 1);
  const at = (place: number): number => (spatial[place] === undefined ? 1 : sizes[spatial[place]]!);
  const size = [at(0), at(1), at(2)] as const;
  const channels = count / (size[0] * size[1] * size[2]);
  const detached = dataFiles(fields, file);
  for (const one of detached ?? []) await dataFileLength(one, file);
  if (!detached && encoding === 'raw') checkLength((await fileLength(file)) - fields.end, count * bytesOf(type), file);
  const segments = segmentsOf(fields);
  const extentOffset = extentOffsetOf(fields);
  const endian = fields.fields.get('endian');
  const missingEndian = bytesOf(type) > 1 && encoding !== 'text' && endian === undefined;
  const header: FormatHeader = {
    name: 'nrrd',
    format: `NRRD, ${encoding}${segments ? ', segmentation of 3D Slicer' : ''}${/^big$/i.test(endian ?? '') ? ', big endian' : ''}`,
    affineFrom: source,
    size,
    channels,
    type,
    littleEndian: !/^big$/i.test(endian ?? ''),
    compressed: encoding === 'gzip' || encoding === 'bzip2',
    slope: 1,
    intercept: 0,
    affine,
    description: fields.fields.get('content') ?? '',
    warnings: [
      ...warnings,
      ...(missingEndian ? ['the header does not say the byte order: it is taken as little endian'] : []),
      ...layerWarnings(segments, channels),
    ],
    ...(segments && { segments }),
    ...(extentOffset && { extentOffset }),
  };
  return {
    header,
    read: async () => arrange(await readData(fields, file, type, count), type, { sizes, spatial }),
  };
}

/** The files that hold a volume beside its header. */
export async function nrrdDataFiles(file: string): Promise<readonly string[]> {
  return dataFiles(await readFields(file), file) ?? [];
}
