import { breathe } from '../../rpc/breath';
import type { Case } from '../../data/datalist/case';
import { judgeCase, type CaseDemands, type CaseVerdict, type Depth } from '../../data/judge';
import { absentClasses } from './classes';
import { compareCases } from './compare';
import { bySeverity, type Finding } from './finding';
import type { CaseFacts } from './caseFacts';
import { findDuplicates, findLeakage } from './overlap';

export interface CheckOptions {
  readonly cases: readonly Case[];
  readonly validation?: readonly Case[];
  /** Cases that are looked at one by one, but are in no list. */
  readonly unused?: readonly Case[];
  /** What the config demands of each case. */
  readonly demands: CaseDemands;
  /** Validation lists of later tasks, which pre-training must not see. */
  readonly downstream?: readonly { readonly name: string; readonly cases: readonly Case[] }[];
  /** Read the voxels, or headers alone. */
  readonly depth?: Depth;
  /** Where verdicts are kept, and taken from for files that have not changed; by default they are not. */
  readonly verdicts?: string | null;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** Called before each case; where it rejects, the rest is not looked at. */
  readonly giveWay?: () => Promise<void>;
}

/** A case that a run cannot use, and why. */
export interface BadCase {
  readonly item: Case;
  readonly part: 'train' | 'validation';
  readonly findings: readonly Finding[];
}

export interface Inspection {
  /** Errors first. */
  readonly findings: readonly Finding[];
  /** The cases that have errors of their own. */
  readonly bad: readonly BadCase[];
}

/** Cases judged at a time: headers wait for the disk, voxels for the processor and for memory. */
const LANES: Record<Depth, number> = { headers: 8, voxels: 2 };

/** Runs `work` over all items, a few at a time, in order of start; stops when aborted. */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      await breathe(signal);
      const at = next++;
      if (at >= items.length) return;
      results[at] = await work(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

/** Findings of a file that is in several cases are told once. */
function once(findings: readonly Finding[]): Finding[] {
  const byText = new Map(findings.map((one) => [JSON.stringify([one.severity, one.file, one.message]), one]));
  return [...byText.values()];
}

interface Checked {
  readonly which: number;
  readonly item: Case;
  readonly verdict: CaseVerdict;
  readonly findings: readonly Finding[];
}

/** What a list shows only as a whole. */
function compareLists(checked: readonly Checked[], options: CheckOptions): Finding[] {
  const { downstream = [] } = options;
  const { labels, channel, inChannels, anyChannels = false, preprocess } = options.demands;
  const channelsJudged = inChannels !== undefined || anyChannels;
  const of = (which: number): CaseFacts[] =>
    checked.filter((one) => one.which === which).map(({ item, verdict }) => ({ item, images: verdict.images }));
  const [train, validation] = [of(0), of(1)];
  const turned = (preprocess?.orientation ?? null) !== null;
  const classes = (which: 0 | 1): Finding[] =>
    typeof labels === 'object'
      ? absentClasses(
          checked.filter((one) => one.which === which),
          which === 0 ? 'training' : 'held-out',
          labels,
        )
      : [];
  return [
    ...compareCases([...train, ...validation], { channel, turned, channelsJudged }),
    ...classes(0),
    ...classes(1),
    ...findDuplicates(train),
    ...findLeakage(train, validation, 'the validation list'),
    ...downstream.flatMap((list, i) => findLeakage(train, of(3 + i), list.name)),
  ];
}

/**
 * Looks for what would make a long run fail or lie: missing, damaged and unreadable files, labels that do not fit their images,
 * unexpected label values, intensities in other units than the window, odd spacings and orientations, channels, volumes smaller
 * than the crop grid, duplicates, and cases that are also in a validation list.
 *
 * @throws the signal's reason when aborted
 */
export async function inspectDataset(options: CheckOptions): Promise<Inspection> {
  const { demands, depth = 'voxels', verdicts = null, downstream = [] } = options;
  const own = [options.cases, options.validation ?? [], options.unused ?? []];
  const lists = [...own, ...downstream.map((list) => list.cases)];
  const jobs = lists.flatMap((list, which) => list.map((item) => ({ item, which })));
  // Of another task's list only the images' identities matter here.
  const foreign: CaseDemands = { channel: 'all', preprocess: null };
  // A case of several lists is looked at once.
  const known = new Map<string, Promise<CaseVerdict>>();
  const judged = (item: Case, wanted: CaseDemands): Promise<CaseVerdict> => {
    const { image, missing, label, labelled, problem, regionMasks } = item;
    const key = JSON.stringify([image, missing, label, labelled, problem, regionMasks, wanted === foreign]);
    const verdict = known.get(key) ?? judgeCase(item, wanted, depth, verdicts);
    known.set(key, verdict);
    return verdict;
  };
  let done = 0;
  const lanes = options.concurrency ?? LANES[depth];
  const checked = await mapLimited(jobs, lanes, options.signal, async ({ item, which }): Promise<Checked> => {
    await options.giveWay?.();
    const theirs = which >= own.length;
    const verdict = await judged(item, theirs ? foreign : demands);
    const findings = theirs ? verdict.findings.filter((one) => one.severity === 'error') : verdict.findings;
    options.onProgress?.(++done, jobs.length);
    return { which, item, verdict, findings };
  });
  const bad = checked
    .filter(({ which, findings }) => which < own.length && findings.some(({ severity }) => severity === 'error'))
    .map(({ item, which, findings }): BadCase => ({ item, part: which === 1 ? 'validation' : 'train', findings }));
  return {
    findings: bySeverity(once([...checked.flatMap(({ findings }) => findings), ...compareLists(checked, options)])),
    bad,
  };
}

/** The findings of {@link inspectDataset}, errors first. */
export async function checkDataset(options: CheckOptions): Promise<readonly Finding[]> {
  return (await inspectDataset(options)).findings;
}
