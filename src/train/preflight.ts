import type { Config } from '../config';
import { inspectDataset, verdictFolder, type BadCase, type Finding } from '../check/dataset';
import { imageFiles, type Case } from '../data/datalist';
import { withAdvice } from '../errors/advice';
import { UserError } from '../errors/userError';
import type { SkippedCase } from '../runs';
import { UNWATCHED, type Watched } from '../rpc/breath';
import type { CaseChecks, Cases } from '../tasks';
import { caseDemands } from '../tasks/demands';
import { counted } from '../text';
import { ProgressBar } from '../text/progressBar';
import { refuseEmpty, SKIP_ADVICE, SkipList } from './skipList';

const MAX_SHOWN = 10;
/** What a person can do about images that are trained on and held out. */
const LEAKAGE_ADVICE = 'set data.allowLeakage to true to go on all the same';

function describeFinding({ file, message, advice }: Finding): string {
  return `${file}: ${withAdvice(message, advice)}`;
}

/** What was found before the first step. */
export interface Preflight {
  /** One line each. */
  readonly warnings: readonly string[];
  readonly skipped: SkipList;
  /** The cases without those that are left out. */
  readonly usable: Cases;
}

function refuse(errors: readonly string[], badCases: number, leakage: boolean): void {
  if (errors.length === 0) return;
  const more = errors.length > MAX_SHOWN ? [`… and ${errors.length - MAX_SHOWN} more: see voco check`] : [];
  const ways = [...(badCases > 0 ? [SKIP_ADVICE] : []), ...(leakage ? [LEAKAGE_ADVICE] : [])];
  const advice = ways.map((way) => `; or ${way}`).join('');
  throw new UserError(`${[...errors.slice(0, MAX_SHOWN), ...more].join('\n')}${advice}`);
}

const isError = ({ severity }: Finding): boolean => severity === 'error';

function skippedCase({ item, part, findings }: BadCase): SkippedCase {
  const reason = findings.filter(isError).map(describeFinding).join('; ');
  return { id: item.id, image: imageFiles(item)[0]!, part, reason };
}

/**
 * Judges all cases before anything is computed, by the code of `voco check`: headers, and voxels as well where the task wants
 * every case read early. Of others, voxels are judged when a case is first loaded; verdicts that are kept count already.
 *
 * @param known cases that the run has left out before it was resumed: they stay so
 * @param watched is told how many cases are read
 * @throws UserError listing what would make the run fail; with `data.onBadCase` "skip", what concerns single cases does not
 */
export async function checkCases(
  config: Config,
  cases: Cases,
  checks: CaseChecks,
  known: readonly SkippedCase[] = [],
  watched: Watched = UNWATCHED,
): Promise<Preflight> {
  const before = new SkipList('skip', known);
  const unknown = (list: readonly Case[]): Case[] => list.filter((item) => !before.has(item));
  const bar = new ProgressBar('reading the cases', cases.train.length + cases.validation.length);
  const { findings, bad } = await inspectDataset({
    cases: unknown(cases.train),
    validation: unknown(cases.validation),
    demands: caseDemands(config, checks),
    depth: checks.early ? 'voxels' : 'headers',
    verdicts: verdictFolder(config),
    onProgress: (done, total) => {
      if (checks.early) bar.update(done);
      watched.tell('reading the cases', done / total);
    },
    giveWay: () => watched.giveWay(),
  }).finally(() => bar.end());
  // Checkpoints of earlier versions have a config without the key.
  const onBadCase = config.data.onBadCase ?? 'stop';
  const allowLeakage = config.data.allowLeakage ?? false;
  const ofCases = new Set(bad.flatMap((one) => one.findings.filter(isError)));
  const errors = findings.filter(
    (one) => isError(one) && (onBadCase === 'stop' || !ofCases.has(one)) && !(allowLeakage && one.leakage),
  );
  refuse(
    errors.map(describeFinding),
    onBadCase === 'stop' ? bad.length : 0,
    errors.some((one) => one.leakage),
  );
  const list = [...known, ...bad.map(skippedCase)];
  const skipped = new SkipList(onBadCase, list);
  for (const part of ['train', 'validation'] as const)
    refuseEmpty(cases[part], skipped, part, list.find((one) => one.part === part)?.reason ?? '');
  const left = list.map(({ reason }) => `left out (data.onBadCase): ${reason}`);
  const some = left.length > MAX_SHOWN ? [...left.slice(0, MAX_SHOWN), `… and ${left.length - MAX_SHOWN} more`] : left;
  const total = list.length > 0 ? [`${counted(list.length, 'case')} left out (data.onBadCase)`] : [];
  const usable = (items: readonly Case[]) => items.filter((item) => !skipped.has(item));
  return {
    warnings: [
      ...some,
      ...total,
      ...findings
        .filter(({ severity, leakage }) => severity === 'warning' || (allowLeakage && leakage))
        .map(describeFinding),
    ],
    skipped,
    usable: { train: usable(cases.train), validation: usable(cases.validation) },
  };
}
