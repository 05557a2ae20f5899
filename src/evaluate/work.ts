import { taskOf } from '../catalog';
import type { FinetuneConfig, Task } from '../config';
import type { Case } from '../data/datalist';
import { findClassifiedCases, findLabelledCases } from '../downstream/cases';
import type { DownstreamName } from '../downstream/descriptors';
import { SCORE_UNITS } from '../downstream/segmentation/scores';
import { inTurn, type Failure } from '../errors/inTurn';
import type { CaseResult, FailedCase, Results, ResultsSummary } from '../runs';
import { openSegmenter } from '../segment/segmenter';
import type { Cases } from '../tasks';
import { checkCases } from '../train/preflight';
import type { Say } from '../train/types';
import { evaluateCase } from './cases';
import { CLASSIFICATION_UNITS, classifyCases, summarizeClassification } from './classification';
import { classificationCsv, resultsCsv, summarizeResults } from './summary';
import type { Watch } from './supervise';

const SCORES = Object.keys(SCORE_UNITS);

/** An evaluation whose config and checkpoint are known. */
export interface Prepared {
  readonly config: FinetuneConfig;
  readonly task: Task;
  readonly checkpoint: string;
  /** The run to write into; undefined: a new one. */
  readonly runDir: string | undefined;
}

type Scored = Pick<Results, 'cases' | 'classification' | 'units' | 'surfaceTolerance'> & {
  readonly summary: ResultsSummary;
  readonly csv: string;
  /** Cases that turned out to be bad, by their names. */
  readonly failures: readonly Failure[];
};

/** Which cases are held out, those that were found to be bad already, and what measures the others. */
export interface Work {
  readonly all: readonly Case[];
  readonly bad: readonly FailedCase[];
  readonly cases: number;
  score(runDir: string, watch: Watch, say: Say): Promise<Scored>;
}

/** The held-out cases that can be scored, judged as a run judges them, and those that cannot. */
async function usableHeldOut<Item extends Case>(
  config: FinetuneConfig,
  find: (config: FinetuneConfig) => Promise<Cases<Item>>,
  say: Say,
): Promise<{ validation: readonly Item[] } & Pick<Work, 'all' | 'bad'>> {
  const { validation } = await find(config);
  const checks = (await taskOf(config)).checks(config);
  // A bad case does not end the others, whatever a training would do.
  const lenient: FinetuneConfig = { ...config, data: { ...config.data, onBadCase: 'skip' } };
  const { warnings, skipped } = await checkCases(lenient, { train: [], validation }, checks);
  warnings.forEach((text) => say(text.replace('left out (data.onBadCase)', 'not scored')));
  const bad = skipped.all.map(({ id, image, reason }) => ({ case: id, image, reason }));
  return { validation: validation.filter((item) => !skipped.has(item)), all: validation, bad };
}

async function segmentationWork({ config, checkpoint }: Prepared, say: Say): Promise<Work> {
  const { validation, ...found } = await usableHeldOut(config, findLabelledCases, say);
  return {
    ...found,
    cases: validation.length,
    async score(runDir, { signal, progress, tell }, onWarning) {
      const segmenter = await openSegmenter(config, checkpoint);
      const cases: CaseResult[] = [];
      const one = async (item: Case): Promise<CaseResult> => {
        const what = `case ${validation.indexOf(item) + 1} of ${validation.length}`;
        const onProgress = (share: number): void => tell(what, share);
        onProgress(0);
        return evaluateCase(segmenter, item, { runDir, onWarning, signal, onProgress });
      };
      const keep = async (result: CaseResult): Promise<void> => {
        cases.push(result);
        await progress(cases.length);
      };
      const failures = await inTurn(validation, ({ id }) => id, one, keep, onWarning, signal);
      return {
        cases,
        failures,
        units: SCORE_UNITS,
        surfaceTolerance: config.inference.surfaceTolerance,
        summary: summarizeResults(cases, SCORES, config.seed),
        csv: resultsCsv(cases, SCORES),
      };
    },
  };
}

async function classificationWork({ config, checkpoint, task }: Prepared, say: Say): Promise<Work> {
  const { validation, ...found } = await usableHeldOut(config, findClassifiedCases, say);
  return {
    ...found,
    cases: validation.length,
    async score(_, watch, onWarning) {
      const { found: classification, failures } = await classifyCases(config, checkpoint, validation, watch, onWarning);
      const summary = summarizeClassification(classification, config.seed);
      const names = task.classes.map(({ name }) => name);
      const csv = classificationCsv(classification, names);
      return { cases: [], classification, failures, units: CLASSIFICATION_UNITS, summary, csv };
    },
  };
}

/** How each downstream task is scored. */
export const WORK: Readonly<Record<DownstreamName, (prepared: Prepared, say: Say) => Promise<Work>>> = {
  segmentation: segmentationWork,
  classification: classificationWork,
};
