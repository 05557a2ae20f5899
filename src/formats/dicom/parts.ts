import { groupedBy } from '../../registry/grouped';
import { counted } from '../../text';
import { byInstance, clustersOf, groupsThatFit, inWords, planeOf, type Cluster } from './places';
import { FrameReader, pixelDigest } from './pixels';
import { stepsOf } from './spacing';
import { sizeOf, type Image } from './types';

/** Images of one series that make one volume, or would, were it not for a conflict. */
export interface Part {
  /** One list of slices in order for each channel: a measurement, phase, echo, … */
  readonly channels: readonly (readonly Image[])[];
  /** What tells it from the other parts of its series; '' when it is the only one. */
  readonly part: string;
  readonly warnings: readonly string[];
  /** Why the images are no volume. */
  readonly conflict?: string;
}

/** Sorts the images of one series into volumes. */
export async function partsOf(images: readonly Image[]): Promise<Part[]> {
  const groups = groupsThatFit(images);
  const parts: Part[] = [];
  for (const group of groups) {
    const part = groups.length > 1 ? describeGroup(group, groups) : '';
    for (const found of await partsOfGroup(group)) {
      parts.push({ ...found, part: [part, found.part].filter((text) => text !== '').join(', ') });
    }
  }
  return parts;
}

/** What a group of images has that others of the series do not: its plane, size or pixels. */
function describeGroup([first]: readonly Image[], groups: readonly (readonly Image[])[]): string {
  const facts: ((image: Image) => string)[] = [
    planeOf,
    (image) => sizeOf(image).join('×'),
    (image) =>
      image.spacing ? `pixels of ${image.spacing.map((mm) => Number(mm.toFixed(4))).join('×')} mm` : 'no pixel spacing',
    (image) => (image.position ? 'with positions' : 'without positions'),
  ];
  const differing = facts.filter((fact) => new Set(groups.map(([one]) => fact(one!))).size > 1);
  return (
    differing.map((fact) => fact(first!)).join(', ') ||
    `direction ${first!.orientation?.map((c) => c.toFixed(3)).join(' ') ?? ''}`
  );
}

const single = (clusters: readonly Cluster[]): boolean => clusters.every((cluster) => cluster.length === 1);
const flat = (clusters: readonly Cluster[]): Image[] => clusters.map(([image]) => image!);

async function partsOfGroup(group: readonly Image[]): Promise<Part[]> {
  const warnings: string[] = [];
  let clusters = clustersOf(group);
  if (single(clusters)) return splitUneven(flat(clusters));
  clusters = await withoutCopies(clusters, true, warnings);
  if (single(clusters)) return [{ channels: [flat(clusters)], part: '', warnings }];
  const found = covering(clusters, warnings);
  if (found) return [found];
  clusters = await withoutCopies(clusters, false, warnings);
  if (single(clusters)) return [{ channels: [flat(clusters)], part: '', warnings }];
  return resolved(clusters, warnings);
}

/** Leaves out images that are another's copy: the same pixels at the same position, of the same instance when so asked. */
async function withoutCopies(
  clusters: readonly Cluster[],
  sameInstance: boolean,
  warnings: string[],
): Promise<Cluster[]> {
  const copies: string[] = [];
  const kept: Cluster[] = [];
  for (const cluster of clusters) {
    const seen = new Set<string>();
    const left: Image[] = [];
    const uids = cluster.map(({ file, index }) => `${file.sopUid}#${index}`);
    const times = new Map<string, number>();
    for (const uid of uids) times.set(uid, (times.get(uid) ?? 0) + 1);
    // Frames of one file stand together, and it is read once.
    let reader: { readonly file: Image['file']; readonly frames: FrameReader } | undefined;
    for (const [i, image] of cluster.entries()) {
      const suspected = cluster.length > 1 && (!sameInstance || times.get(uids[i]!)! > 1);
      if (suspected && reader?.file !== image.file) reader = { file: image.file, frames: new FrameReader(image.file) };
      const key = suspected ? `${sameInstance ? uids[i] : ''} ${await pixelDigest(image, reader?.frames)}` : '';
      if (suspected && seen.has(key)) copies.push(image.file.path);
      else left.push(image);
      if (suspected) seen.add(key);
    }
    kept.push(left);
  }
  if (copies.length > 0)
    warnings.push(
      `${counted(copies.length, 'image')} left out: ${copies.length > 1 ? 'copies' : 'a copy'} of others (duplicates), such as ${copies[0]}`,
    );
  return kept;
}

/** Images by the values of some marks. */
function byMarks(images: readonly Image[], names: readonly string[]): Image[][] {
  return [...groupedBy(images, ({ marks }) => names.map((name) => marks[name] ?? '').join('|')).values()];
}

const leastInstance = (images: readonly Image[]): number => Math.min(...images.map(({ instance }) => instance));

/** By the first instance numbers, then by the marks that tell the groups apart. */
function inOrder(groups: Image[][], names: readonly string[]): Image[][] {
  const mark = ([image]: readonly Image[]): string => names.map((name) => image!.marks[name] ?? '').join(' ');
  return groups.sort((a, b) => {
    const byNumber = leastInstance(a) - leastInstance(b);
    if (Number.isFinite(byNumber) && byNumber !== 0) return byNumber;
    return mark(a).localeCompare(mark(b), 'en', { numeric: true }) || byInstance(a[0]!, b[0]!);
  });
}

/** Names of marks that differ among images, singly and in pairs. */
function markSets(images: readonly Image[]): string[][] {
  const names = [...new Set(images.flatMap(({ marks }) => Object.keys(marks)))].filter(
    (name) => new Set(images.map(({ marks }) => marks[name] ?? '')).size > 1,
  );
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
  return [...names.map((name) => [name]), ...pairs];
}

/** Several whole volumes at the same positions: told apart by a mark, or by file where one holds all positions. */
function covering(clusters: readonly Cluster[], warnings: readonly string[]): Part | undefined {
  const all = clusters.flat();
  const positions = clusters.length;
  if (all.length % positions !== 0 || clusters.some(({ length }) => length !== all.length / positions))
    return undefined;
  const place = new Map(clusters.flatMap((cluster, k) => cluster.map((image) => [image, k] as const)));
  const whole = (groups: readonly Image[][]): boolean =>
    groups.length > 1 &&
    groups.every(
      (group) => group.length === positions && new Set(group.map((image) => place.get(image))).size === positions,
    );
  const asPart = (groups: Image[][], names: readonly string[], by: string): Part => ({
    channels: inOrder(groups, names).map((group) => [...group].sort((a, b) => place.get(a)! - place.get(b)!)),
    part: '',
    warnings: [...warnings, severalVolumes(groups.length, positions, by)],
  });
  for (const names of markSets(all)) {
    const groups = byMarks(all, names);
    if (whole(groups)) return asPart(groups, names, names.join(' and '));
  }
  const files = [...groupedBy(all, ({ file }) => file.path).values()];
  if (whole(files)) return asPart(files, [], 'file');
  return undefined;
}

function severalVolumes(count: number, positions: number, by: string): string {
  return `a 4-D series: ${count} images at each of ${counted(positions, 'position')} (repeated in time, phases, echoes or diffusion), told apart by their ${by}; they are read as ${count} channels`;
}

/** Repeated positions that no mark explains wholly. */
function resolved(clusters: readonly Cluster[], warnings: readonly string[]): Part[] {
  const all = clusters.flat();
  const count = clusters[0]!.length;
  const numbered = clusters.every(
    (cluster) =>
      cluster.length === count &&
      new Set(cluster.map(({ instance }) => instance)).size === count &&
      cluster.every(({ instance }) => Number.isFinite(instance)),
  );
  if (numbered) {
    const sorted = clusters.map((cluster) => [...cluster].sort(byInstance));
    const channels = Array.from({ length: count }, (_, c) => sorted.map((cluster) => cluster[c]!));
    return [{ channels, part: '', warnings: [...warnings, severalVolumes(count, clusters.length, 'instance number')] }];
  }
  const sets = markSets(all)
    .map((names) => ({ names, groups: byMarks(all, names) }))
    .filter(({ groups }) => groups.length > 1 && groups.every((group) => group.length > 1 && single(clustersOf(group))))
    .sort((a, b) => a.groups.length - b.groups.length);
  const best = sets[0];
  if (best) {
    return inOrder(best.groups, best.names).map((group) => ({
      channels: [flat(clustersOf(group))],
      part: best.names.map((name) => `${name} ${group[0]!.marks[name] ?? 'none'}`).join(', '),
      warnings,
    }));
  }
  const repeated = clusters.filter(({ length }) => length > 1);
  const shown = repeated.slice(0, 3).map(
    (cluster) =>
      `${inWords(cluster[0]!)} (${cluster
        .slice(0, 3)
        .map(({ file, index }) => (file.frameCount > 1 ? `frame ${index + 1}` : file.path))
        .join(' and ')})`,
  );
  const conflict = `conflicting images: different content at the same position: ${shown.join('; ')}${repeated.length > 3 ? `; and at ${repeated.length - 3} more` : ''}`;
  return [{ channels: [flat(clusters)], part: '', warnings, conflict }];
}

/** Slices of which each has a position of its own, but which are uneven together, may be several even stacks. */
function splitUneven(slices: readonly Image[]): Part[] {
  const whole: Part = { channels: [slices], part: '', warnings: [] };
  if (slices.length < 3 || !slices[0]!.position || !stepsOf(slices).uneven) return [whole];
  for (const names of markSets(slices)) {
    const groups = byMarks(slices, names);
    const even =
      groups.length > 1 && groups.every((group) => group.length > 2 && !stepsOf(flat(clustersOf(group))).uneven);
    if (!even) continue;
    return inOrder(groups, names).map((group) => ({
      channels: [flat(clustersOf(group))],
      part: names.map((name) => `${name} ${group[0]!.marks[name] ?? 'none'}`).join(', '),
      warnings: [],
    }));
  }
  return [whole];
}
