import type { Vec3 } from '../../geometry';
import type { PreprocessSettings } from '../../volume';
import type { Case } from '../../data/datalist/case';
import { compareCases } from './compare';
import { bySeverity, type Finding } from './finding';
import { checkCase, type CaseFacts, type CaseCheckOptions } from './checkCase';
import { findDuplicates, findLeakage } from './overlap';

export interface CheckOptions {
  readonly cases: readonly Case[];
  readonly validation?: readonly Case[];
  /** Whether the job needs labels. */
  readonly labels?: boolean;
  /** Classes of the task with background: labels are 0 to n − 1. */
  readonly expectedClasses?: number;
  readonly channel?: number | 'all';
  readonly preprocess?: PreprocessSettings;
  /** Voxels that the crop grid covers (grid × crop). */
  readonly gridSize?: Vec3;
  /** Validation lists of later tasks, which pre-training must not see. */
  readonly downstream?: readonly { readonly name: string; readonly cases: readonly Case[] }[];
  /** Read the voxels too: NaN, label values, units. Without it only headers are read. */
  readonly deep?: boolean;
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

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
      signal?.throwIfAborted();
      const at = next++;
      results[at] = await work(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

function windowLow(settings: PreprocessSettings | undefined): number | undefined {
  return settings?.intensity?.kind === 'window' ? settings.intensity.low : undefined;
}

/**
 * Looks for what would make a long run fail or lie: missing and unreadable files, labels that do not fit their images, unexpected
 * label values (`deep`), odd spacings and orientations, channels, volumes smaller than the crop grid, duplicates, and cases that
 * are also in a validation list. Reads headers only, unless `deep`.
 *
 * @returns findings, errors first
 * @throws the signal's reason when aborted
 */
export async function checkDataset(options: CheckOptions): Promise<Finding[]> {
  const channel = options.channel ?? 0;
  const ownSettings: CaseCheckOptions = {
    labels: options.labels ?? false,
    channel,
    expectedClasses: options.expectedClasses,
    windowLow: windowLow(options.preprocess),
    deep: options.deep ?? false,
  };
  const downstream = options.downstream ?? [];
  const own = [options.cases, options.validation ?? []];
  const lists = [...own, ...downstream.map((list) => list.cases)];
  const jobs = lists.flatMap((list, which) => list.map((item) => ({ item, which })));
  let done = 0;
  const checked = await mapLimited(jobs, options.concurrency ?? 8, options.signal, async ({ item, which }) => {
    const findings: Finding[] = [];
    const foreign = which >= own.length;
    // Of another task's list only the images' identities matter here.
    const settings = foreign
      ? { ...ownSettings, labels: false, channel: 'all' as const, windowLow: undefined }
      : ownSettings;
    const facts = await checkCase(item, settings, findings);
    options.onProgress?.(++done, jobs.length);
    return { which, facts, findings: foreign ? findings.filter((one) => one.severity === 'error') : findings };
  });
  const factsOf = (which: number): CaseFacts[] =>
    checked.filter((entry) => entry.which === which).map((entry) => entry.facts);
  const train = factsOf(0);
  const validation = factsOf(1);
  return bySeverity([
    ...checked.flatMap((entry) => entry.findings),
    ...compareCases([...train, ...validation], { channel, preprocess: options.preprocess, gridSize: options.gridSize }),
    ...findDuplicates(train),
    ...findLeakage(train, validation, 'the validation list'),
    ...downstream.flatMap((list, i) => findLeakage(train, factsOf(own.length + i), list.name)),
  ]);
}
