import { BadCaseError } from '../../errors/userError';
import { gridOf, noticeText, type Volume } from '../../volume';
import { imageFiles, type Case } from '../datalist/case';
import { regionFiles } from '../datalist/regionMasks';
import { readChannels, type ReadVolume } from '../readImage';
import { judgeRegionMask } from '../regionMasks';
import { voxelHash } from './facts';
import { Findings, judgeHeaders } from './headers';
import type { CaseDemands, CaseVerdict, Depth } from './types';
import { recallVerdict, rememberVerdict, type VerdictFolder } from './verdict';
import { judgeLabelVoxels, judgeVoxels } from './voxels';

/** A verdict, and the image where it was read for it and can be used. */
export interface Judgement {
  readonly verdict: CaseVerdict;
  readonly read?: ReadVolume;
}

async function judge(item: Case, demands: CaseDemands, depth: Depth, folder: VerdictFolder): Promise<Judgement> {
  const findings = new Findings();
  const { images } = await judgeHeaders(item, demands, depth, findings);
  const files = imageFiles(item);
  const verdict = { findings: findings.list, images };
  // Nothing can be read of a case whose headers are wrong, or it would be read for nothing.
  if (depth === 'headers') return { verdict };
  let read: ReadVolume | undefined;
  if (!findings.bad) {
    try {
      read = await readChannels(files, demands.channel);
      // The headers have told theirs; what is behind the voxels only reading shows.
      findings.add(...read.notices.filter((one) => !findings.has(one)));
      findings.add(...judgeVoxels(files[0]!, read, demands));
    } catch (error) {
      findings.failed(error, files[0]!);
    }
  }
  let counts: CaseVerdict['labelCounts'];
  if (read && !findings.bad && demands.labels && item.label !== undefined) {
    try {
      const label = await judgeLabelVoxels(item, read.volume, demands.labels);
      findings.add(...label.findings.filter((one) => !findings.has(one)));
      if (label.values) counts = [...label.values.counts];
    } catch (error) {
      findings.failed(error, item.label);
    }
  }
  if (read && !findings.bad && demands.preprocess) await judgeRegionMasks(item, read.volume, findings);
  const whole: CaseVerdict = {
    ...verdict,
    images: read ? images.map((image, i) => (i === 0 ? withHash(image, read.volume) : image)) : images,
    ...(counts && { labelCounts: counts }),
  };
  if (findings.lasting) await rememberVerdict(folder, item, demands, whole);
  return { verdict: whole, ...(read && !findings.bad && { read }) };
}

/** Looks at the voxels of the region masks. */
async function judgeRegionMasks(item: Case, image: Volume, findings: Findings): Promise<void> {
  for (const [name, file] of regionFiles(item))
    try {
      const { notices } = await judgeRegionMask(name, file, gridOf(image), imageFiles(item)[0]!);
      findings.add(...notices.map((notice) => ({ ...notice, file })).filter((one) => !findings.has(one)));
    } catch (error) {
      findings.failed(error, file);
    }
}

const withHash = <T extends { readonly fingerprints: readonly string[] }>(
  image: T,
  volume: ReadVolume['volume'],
): T => ({
  ...image,
  fingerprints: [...image.fingerprints, voxelHash(volume)],
});

/**
 * Judges a case: whether its files can be read, fit each other and the config, and hold what the config's preprocessing and task
 * expect. The check of data, a run before its first step, its loader threads and the preview all ask this function.
 *
 * @param depth with `headers`, voxels are not read; a verdict on them that is kept counts all the same
 * @param folder where verdicts are kept by the identity of the files; null: nowhere
 */
export async function judgeCase(
  item: Case,
  demands: CaseDemands,
  depth: Depth,
  folder: VerdictFolder,
): Promise<CaseVerdict> {
  return (await recallVerdict(folder, item, demands)) ?? (await judge(item, demands, depth, folder)).verdict;
}

/** {@link judgeCase} with the voxels of the image, where they were read for it. */
export async function judgeAndRead(item: Case, demands: CaseDemands, folder: VerdictFolder): Promise<Judgement> {
  const verdict = await recallVerdict(folder, item, demands);
  return verdict ? { verdict } : judge(item, demands, 'voxels', folder);
}

/** @throws BadCaseError with what is wrong, when something is */
export function refuseBad(item: Pick<Case, 'image'>, { findings }: CaseVerdict): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw new BadCaseError(errors.map((one) => noticeText(one.file, one)).join('\n'), imageFiles(item)[0]!);
}
