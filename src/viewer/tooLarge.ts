import type { Vec3 } from '../geometry';
import { UserError } from '../errors/userError';
import { everyNth, spacingOf, voxelBytes, type NiftiHeader } from '../volume';
import { formatSize } from '../text';

/** The largest buffer that every supported editor can make. */
const LARGEST = 2 ** 31;
/** Shares of the free memory that a volume may take whole, and that a reduced one is made to take at most. */
const [WHOLE_SHARE, REDUCED_SHARE] = [0.8, 0.5];

/** Bytes that reading takes: 64-bit integers are held as stored and as numbers for a moment. */
function bytesToRead(header: NiftiHeader): number {
  return voxelBytes(header) * (/^u?int64$/.test(header.datatype.name) ? 2 : 1);
}

/**
 * Along each of the file's axes, which n-th voxels are kept so that a volume fits: 1, 1, 1 when all do. The axis with the closest
 * voxels is thinned out first.
 *
 * @param free bytes of memory that are free.
 * @throws UserError naming `file` when even single voxels of it do not fit.
 */
export function stepsFor(header: NiftiHeader, free: number, file: string): Vec3 {
  if (bytesToRead(header) <= Math.min(LARGEST, WHOLE_SHARE * free)) return [1, 1, 1];
  const most = Math.min(LARGEST / 2, REDUCED_SHARE * free);
  const spacing = spacingOf(header.affine);
  const step: [number, number, number] = [1, 1, 1];
  while (bytesToRead(everyNth(header, step)) > most) {
    const open = [0, 1, 2].filter((axis) => step[axis]! < header.size[axis]!);
    if (open.length === 0) {
      throw new UserError(`${file}: ${memoryFor(header)}: close other programs, or split the file`);
    }
    const closest = open.reduce((a, b) => (step[b]! * spacing[b]! < step[a]! * spacing[a]! ? b : a));
    step[closest]! += 1;
  }
  return step;
}

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);

/** The reason, for people. */
export function memoryFor(header: NiftiHeader): string {
  return `Too large to be shown whole (${gib(bytesToRead(header))} GiB)`;
}

/** What is shown instead. */
export function stepsInWords({ size }: NiftiHeader, step: Vec3): string {
  const thinned = ['x', 'y', 'z'].flatMap((axis, at) =>
    step[at]! > 1 ? [`every ${ordinal(step[at]!)} along ${axis}`] : [],
  );
  const shown = formatSize(size.map((n, axis) => Math.ceil(n / step[axis]!)));
  return `of its ${formatSize(size)} voxels ${shown} are shown, ${thinned.join(', ')}.`;
}

function ordinal(n: number): string {
  const end = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${end}`;
}
