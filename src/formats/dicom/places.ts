import { UserError } from '../../errors/userError';
import { cross, dot, lengthOf, scaled } from '../arrange';
import { sizeOf, type Image } from './types';

/** A list of numbers closer than this is the same direction. */
const SAME_DIRECTION = 2e-3;
/** Scans of a rotating plane have some hundred directions. */
const MOST_GROUPS = 1000;

const close = (a: readonly number[], b: readonly number[], tolerance: number): boolean =>
  a.length === b.length && a.every((value, i) => Math.abs(value - b[i]!) <= tolerance);

/** Whether two images can be slices of one grid: same size, pixels and directions. */
export function fit(a: Image, b: Image): boolean {
  if (sizeOf(a).join() !== sizeOf(b).join() || !a.position !== !b.position) return false;
  if (!a.orientation !== !b.orientation || !a.spacing !== !b.spacing) return false;
  if (a.orientation && !close(a.orientation, b.orientation!, SAME_DIRECTION)) return false;
  return !a.spacing || close(a.spacing, b.spacing!, 1e-4 * Math.max(...a.spacing));
}

/** Images that fit each other, in groups. */
export function groupsThatFit(images: readonly Image[]): Image[][] {
  const groups: Image[][] = [];
  for (const image of images) {
    const group = groups.find(([first]) => fit(first!, image));
    if (group) group.push(image);
    else groups.push([image]);
    if (groups.length > MOST_GROUPS)
      throw new UserError(
        `${image.file.path}: the images of its series have more than ${MOST_GROUPS} sizes or directions: they are no volumes`,
      );
  }
  return groups;
}

/** Directions of a row and of a column, of length 1; a plain axial image where the file does not say. */
export function directionsOf({ orientation }: Pick<Image, 'orientation'>): {
  row: number[];
  column: number[];
  normal: number[];
} {
  const unit = (vector: readonly number[]): number[] => scaled(vector, 1 / (lengthOf(vector) || 1));
  const usable = orientation && lengthOf(cross(orientation.slice(0, 3), orientation.slice(3))) > 0.5;
  const row = usable ? unit(orientation.slice(0, 3)) : [1, 0, 0];
  const column = usable ? unit(orientation.slice(3)) : [0, 1, 0];
  return { row, column, normal: unit(cross(row, column)) };
}

/** `axial`, `coronal`, `sagittal`, with `oblique` where the plane is more than 20° off; '' without an orientation. */
export function planeOf(image: Image): string {
  if (!image.orientation) return '';
  const { normal } = directionsOf(image);
  const sizes = normal.map(Math.abs);
  const most = Math.max(...sizes);
  const name = ['sagittal', 'coronal', 'axial'][sizes.indexOf(most)]!;
  return most < Math.cos((20 * Math.PI) / 180) ? `oblique ${name}` : name;
}

/** Images at one position. */
export type Cluster = Image[];

/**
 * Images by their position across the plane, in order. Images without position stand alone, in the order of their slice locations or
 * instance numbers.
 */
export function clustersOf(images: readonly Image[]): Cluster[] {
  if (images.some(({ position }) => !position)) return ordered(images).map((image) => [image]);
  const { normal } = directionsOf(images[0]!);
  const along = (image: Image): number => dot(image.position!, normal);
  const sorted = [...images].sort((a, b) => along(a) - along(b) || byInstance(a, b));
  const gaps = sorted.slice(1).map((image, i) => along(image) - along(sorted[i]!));
  const real = gaps.filter((gap) => gap > 1e-3).sort((a, b) => a - b);
  // Positions are written with few digits; slices are never that close.
  const tolerance = Math.min(0.01, 0.05 * (real[real.length >> 1] ?? 1));
  const clusters: Cluster[] = [];
  for (const image of sorted) {
    const last = clusters.at(-1);
    if (last && along(image) - along(last[0]!) <= tolerance) last.push(image);
    else clusters.push([image]);
  }
  return clusters;
}

export function byInstance(a: Image, b: Image): number {
  const [x, y] = [a.instance, b.instance];
  if (x !== y && Number.isFinite(x) && Number.isFinite(y)) return x - y;
  return a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : a.index - b.index;
}

function ordered(images: readonly Image[]): Image[] {
  const located =
    images.every(({ location }) => location !== undefined) &&
    new Set(images.map(({ location }) => location)).size === images.length;
  return [...images].sort((a, b) => (located ? a.location! - b.location! : byInstance(a, b)));
}

/** Where an image lies, for people. */
export function inWords(image: Image): string {
  if (!image.position) return Number.isFinite(image.instance) ? `image ${image.instance}` : image.file.path;
  const [x, y, z] = image.position as [number, number, number];
  const { normal } = directionsOf(image);
  const mm = (value: number): string => String(Number(value.toFixed(2)));
  if (Math.abs(normal[2]!) > 0.9) return `z = ${mm(z)} mm`;
  return `(${mm(-x)}, ${mm(-y)}, ${mm(z)}) mm`;
}
