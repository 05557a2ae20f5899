import { dirname, resolve } from 'node:path';
import { AdvisedError, UserError } from '../../errors/userError';
import { counted, plural } from '../../text';
import { affineOf, lpsToRas, scaled } from '../arrange';
import type { FormatHeader, OpenOptions, OpenedFile, SeriesList } from '../types';
import { choosable, choose, othersOf, type Choosable } from './choose';
import { factsOf } from './facts';
import { syntaxName } from './objects';
import { directionsOf } from './places';
import { readImages, scaleOf } from './pixels';
import { filesIn, parseFile, scan, type Target } from './scan';
import { stepsOf } from './spacing';
import { sizeOf, type Image } from './types';

interface Placed {
  readonly affine: Float64Array;
  readonly source: string;
  readonly warnings: readonly string[];
}

/** The distance between slices that give no positions, and a word on where it is from. */
function assumedStep({ between, thickness }: Image, count: number): { mm: number; warning?: string } {
  if (between !== undefined && between !== 0) return { mm: Math.abs(between) };
  if (thickness !== undefined && thickness > 0)
    return {
      mm: thickness,
      ...(count > 1 && { warning: `the slice thickness, ${thickness} mm, is taken as the distance between slices` }),
    };
  return { mm: 1, warning: 'the file gives no distance between slices: 1 mm is assumed' };
}

/** Where the slices lie. @param leftOut what the scan of the files left out @throws UserError naming `path` when they are not even */
function place(slices: readonly Image[], path: string, leftOut: readonly string[]): Placed {
  const first = slices[0]!;
  const { row, column, normal } = directionsOf(first);
  const warnings: string[] = [];
  if (!first.orientation) warnings.push('no orientation in the file: an axial image is assumed');
  if (!first.spacing) warnings.push('no pixel spacing in the file: 1 mm is assumed');
  const [down, across] = first.spacing ?? [1, 1];
  let step: readonly number[];
  let source = 'slice positions';
  if (slices.length > 1 && first.position) {
    const steps = stepsOf(slices);
    if (steps.uneven)
      throw new AdvisedError(
        path,
        `${[steps.uneven, ...leftOut].join(', ')}: a volume needs slices at even distances`,
        'add what is missing, or leave out what does not belong',
      );
    step = steps.step;
    warnings.push(...steps.warnings);
    if (steps.tilt > 0)
      warnings.push(
        `gantry tilt: the slices are shifted against their normal by ${steps.tilt.toFixed(1)}° (a sheared, not orthogonal grid); positions are kept as they are`,
      );
  } else {
    const { mm, warning } = assumedStep(first, slices.length);
    step = scaled(normal, mm);
    if (warning) warnings.push(warning);
    if (slices.length > 1)
      warnings.push('the slices give no positions: they are sorted by slice location or instance number');
    source = slices.length > 1 ? 'order of the slices' : 'image position';
  }
  if (!first.position) warnings.push('no position in the file: the first voxel is taken to lie at 0');
  const columns = [scaled(row, across!), scaled(column, down!), step].map(lpsToRas);
  return { affine: affineOf(columns, lpsToRas(first.position ?? [0, 0, 0])), source, warnings };
}

function noImage(path: string, found: Target): UserError {
  if (found.damaged.length > 0) return new UserError(found.damaged[0]!);
  const { target } = found;
  if (target?.other !== undefined) return new UserError(`${path}: is ${target.other}`);
  const others = othersOf(path, found.files);
  return new UserError(`${path}: holds no DICOM image that is a volume: ${others.join('; ')}`);
}

/** Refuses what makes a volume wrong: a damaged or truncated file of the series, images in conflict. */
function checkSound(path: string, found: Target, chosen: Choosable): void {
  const broken = chosen.files.find(({ problem }) => problem !== undefined);
  if (broken) throw new UserError(`${broken.path}: ${broken.problem}`);
  const folders = new Set(chosen.files.map((file) => dirname(file.path)));
  const damaged = found.damaged.find((message) => folders.has(dirname(message.split(': ')[0]!)));
  if (damaged) throw new UserError(damaged);
  if (chosen.conflict) throw new UserError(`${path}: ${chosen.conflict}`);
}

/** Images that say nothing of how their values are scaled, beside others of the same volume that do. */
function scaling(images: readonly Image[]): string[] {
  const bare = images.filter(({ rescaled }) => !rescaled);
  const [first] = bare;
  if (!first || bare.length === images.length) return [];
  const one = `${first.file.path}${first.file.frameCount > 1 ? `, frame ${first.index + 1}` : ''}`;
  return [
    `${bare.length} of ${counted(images.length, 'image')} ${plural(bare.length, 'gives', 'give')} no rescale slope and intercept, as the others do: values are as stored there, such as ${one}`,
  ];
}

function notices(path: string, found: Target, chosen: Choosable): string[] {
  const others = found.target ? [] : othersOf(path, found.files);
  const fileWarnings = new Set(chosen.files.flatMap(({ warnings }) => warnings));
  return [
    ...found.warnings,
    ...chosen.warnings,
    ...fileWarnings,
    ...scaling(chosen.channels.flat()),
    ...(others.length > 0
      ? [`left out: ${others.slice(0, 3).join('; ')}${others.length > 3 ? `; and ${others.length - 3} more` : ''}`]
      : []),
    ...(chosen.files.some(({ photometric }) => photometric === 'MONOCHROME1')
      ? ['MONOCHROME1: low values are meant to be shown bright; the values are as stored']
      : []),
  ];
}

/**
 * Opens the series behind a path: a folder, a DICOMDIR or a file of the series.
 *
 * @throws UserError naming the path or file
 */
export async function openDicom(path: string, options: OpenOptions): Promise<OpenedFile> {
  const found = await scan(path);
  const list = await choosable(found);
  if (list.length === 0) throw noImage(path, found);
  const chosen = choose(path, list, options.series, found.target);
  checkSound(path, found, chosen);
  const slices = chosen.channels[0]!;
  const { affine, source, warnings } = place(slices, path, found.warnings);
  const images = chosen.channels.flat();
  const scale = scaleOf(images);
  const [columns, rows] = sizeOf(slices[0]!);
  const { entry, files } = chosen;
  const first = await parseFile(files[0]!.path);
  const syntaxes = [...new Set(files.map(({ transferSyntax }) => syntaxName(transferSyntax)))];
  const header: FormatHeader = {
    name: 'dicom',
    format: ['DICOM', entry.modality, counted(files.length, 'file'), syntaxes.join(' and ')]
      .filter((text) => text !== '')
      .join(', '),
    affineFrom: source,
    size: [columns, rows, slices.length],
    channels: chosen.channels.length,
    type: scale.type,
    littleEndian: true,
    compressed: files.some(({ pixels }) => pixels?.length === undefined),
    slope: scale.slope,
    intercept: scale.intercept,
    affine,
    description: entry.description,
    warnings: [...warnings, ...notices(resolve(path), found, chosen)],
    ...(first && factsOf(first.parsed)),
  };
  return { header, read: () => readImages(images, scale) };
}

/** The series behind a path. @throws UserError naming the path when there is no DICOM in it */
export async function listDicomSeries(path: string): Promise<SeriesList> {
  const found = await scan(path);
  const list = await choosable(found);
  if (list.length === 0) throw noImage(path, found);
  return { series: list.map(({ entry }) => entry), others: othersOf(resolve(path), found.files) };
}

/** The files that a volume may come from. */
export async function dicomFiles(path: string): Promise<readonly string[]> {
  return filesIn(path, true).catch(async () => [path, ...(await filesIn(dirname(resolve(path)), false))]);
}
