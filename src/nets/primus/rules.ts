import { mapVec3, type Vec3 } from '../../geometry';
import { error, type Problem } from '../../schema';
import { formatSize } from '../../text';
import type { SizeProblem } from '../descriptor';
import type { PrimusSection } from './schema';

/** What makes a Primus large or small. */
export interface PrimusSize {
  /** Channels of a token. */
  readonly embedDim: number;
  /** Transformer blocks. */
  readonly depth: number;
  /** Attention heads. */
  readonly heads: number;
}

/** The published sizes (dynamic-network-architectures, architectures/primus.py). */
export const PUBLISHED = {
  S: { embedDim: 396, depth: 12, heads: 6 },
  B: { embedDim: 792, depth: 12, heads: 12 },
  M: { embedDim: 864, depth: 16, heads: 12 },
  L: { embedDim: 1056, depth: 24, heads: 16 },
} as const satisfies Record<string, PrimusSize>;

export type PublishedName = keyof typeof PUBLISHED;

/** Keys of the section that say a size, each null where another says it. */
export interface SizeKeys extends Readonly<Record<keyof PrimusSize, number | null>> {
  readonly size: PublishedName | null;
}

const OWN_KEYS = ['embedDim', 'depth', 'heads'] as const;

/** The numbers of a section whose keys agree. */
export function sizeOf(keys: SizeKeys): PrimusSize {
  const own = keys.size === null ? undefined : PUBLISHED[keys.size];
  const number = (key: keyof PrimusSize): number => own?.[key] ?? keys[key] ?? NaN;
  return { embedDim: number('embedDim'), depth: number('depth'), heads: number('heads') };
}

/** The section with the name of a published size in the place of its numbers. */
export function normalSection(section: PrimusSection): PrimusSection {
  const { embedDim, depth, heads } = sizeOf(section);
  const own = { embedDim, depth, heads };
  const names = Object.keys(PUBLISHED) as PublishedName[];
  const size = names.find((name) => OWN_KEYS.every((key) => PUBLISHED[name][key] === own[key]));
  return size ? { ...section, size, embedDim: null, depth: null, heads: null } : section;
}

/** Tokens along each axis of a crop, which are places of a grid with one position each. */
export const gridOf = ({
  crop,
  patch,
}: {
  readonly crop: readonly number[];
  readonly patch: readonly number[];
}): Vec3 => mapVec3(crop as unknown as Vec3, (length, axis) => length / patch[axis]!);

/** Width of the gated MLP of each block. */
export const hiddenOf = (embedDim: number): number => Math.floor((embedDim * 8) / 3);

/** A size is said by its name, or by three numbers. */
function sizeRules(section: PrimusSection): Problem[] {
  const { size } = section;
  if (size !== null)
    return OWN_KEYS.filter((key) => section[key] !== null).map((key) =>
      error([key], `network.size "${size}" says it already: set one of the two to null`, null),
    );
  return OWN_KEYS.filter((key) => section[key] === null).map((key) =>
    error([key], 'must be a number, since network.size is null', PUBLISHED.S[key]),
  );
}

/** Channels of a head are pairs, of as many angles along each of three axes. */
function headRules(section: PrimusSection): Problem[] {
  const { embedDim, heads } = sizeOf(section);
  if (!(embedDim > 0 && heads > 0) || embedDim % (6 * heads) === 0) return [];
  const message = `must be a multiple of 6 for each of the ${heads} heads (${6 * heads}), is ${embedDim}`;
  return [error(['embedDim'], message, Math.max(1, Math.round(embedDim / (6 * heads))) * 6 * heads)];
}

function patchRules({ patch, crop }: PrimusSection): Problem[] {
  const odd = patch.findIndex((length) => !Number.isInteger(Math.log2(length)));
  if (odd >= 0) {
    const nearest = 2 ** Math.round(Math.log2(patch[odd]!));
    return [error(['patch', odd], `must be a power of 2, is ${patch[odd]}`, nearest)];
  }
  if (patch.every((length) => length === 1)) return [error(['patch'], 'one voxel is no patch', [8, 8, 8])];
  const problem = tilingProblem(patch as Vec3, crop as Vec3);
  return problem ? [error(['crop'], problem.message, problem.nearest)] : [];
}

/** Whole patches tile a crop, and there is more than one. */
function tilingProblem(patch: Vec3, size: Vec3): { message: string; nearest: Vec3 } | undefined {
  const whole = mapVec3(size, (length, axis) => Math.max(1, Math.round(length / patch[axis])) * patch[axis]);
  const single = whole.join() === patch.join();
  const nearest = single ? mapVec3(whole, (length) => 2 * length) : whole;
  if (size.join() === nearest.join()) return undefined;
  const message = single
    ? `must hold more than one patch of ${formatSize(patch)} for primus`
    : `axes must be multiples of the patch, ${formatSize(patch)}, for primus`;
  return { message, nearest };
}

/** See `NetworkDescriptor.sizeProblem`. */
export function sizeProblem({ patch, crop }: PrimusSection, size: Vec3): SizeProblem | undefined {
  const untiled = tilingProblem(patch as Vec3, size);
  if (untiled) return untiled;
  if (size.join() === crop.join()) return undefined;
  return {
    message: `primus is built for crops of ${formatSize(crop as Vec3)} (network.crop), with a learnt position for each patch`,
    nearest: crop as Vec3,
    key: { path: ['crop'], value: size },
  };
}

/** See `NetworkDescriptor.rules`. */
export const primusRules = (section: PrimusSection): Problem[] =>
  [sizeRules, headRules, patchRules].flatMap((rule) => rule(section));
