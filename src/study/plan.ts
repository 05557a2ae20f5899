import { join } from 'node:path';
import { resolveTask, type FinetuneConfig } from '../config';
import { countOf } from '../data/labelled';
import { UsageError } from '../errors/userError';
import { STUDY_ARMS, type StudyPlan, type StudyRun } from '../runs';
import { runLength } from '../train/length';
import { taskOf } from '../catalog';

/** 1, 2, 4, … and all of them. */
function doublings(available: number): number[] {
  const amounts: number[] = [];
  for (let amount = 1; amount < available; amount *= 2) amounts.push(amount);
  return [...amounts, available];
}

const rising = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** Steps that a run of a study takes. */
export function stepsOf(config: FinetuneConfig, run: Pick<StudyRun, 'cases'>): number {
  return runLength(config, run.cases).totalSteps;
}

/**
 * The runs of a study, none of them done: seed by seed, few cases before many, the checkpoint before scratch, so that whatever
 * is finished can be compared.
 *
 * @throws UsageError when there is nothing to compare with or on; UserError naming the datalist or folder at fault
 */
export async function planStudy(config: FinetuneConfig): Promise<StudyPlan> {
  const { study, init, data, task } = config;
  if (init.checkpoint === null) {
    throw new UsageError(
      'voco study: no weights to compare with scratch; set init.checkpoint to pre-trained weights, as in ' +
        '--set init.checkpoint=runs/…/step-00010000.safetensors',
    );
  }
  const trained = await taskOf(config);
  const all = { ...config, data: { ...data, fraction: null, cases: null } };
  const { train, validation } = await trained.findCases(all);
  if (validation.length === 0) {
    throw new UsageError(
      'voco study: the config has no held-out cases to compare on; set data.validation or data.validationFraction',
    );
  }
  const available = train.length;
  const most = Math.max(...(study.cases ?? [0]));
  if (most > available) {
    throw new UsageError(`voco study: study.cases requests ${most} training volumes, but there are only ${available}`);
  }
  const by = study.fractions ? 'fraction' : 'cases';
  const amounts = rising(study.fractions ?? study.cases ?? doublings(available));
  const runs = study.seeds.flatMap((seed) =>
    amounts.flatMap((amount) =>
      STUDY_ARMS.map((arm): StudyRun => {
        const cases = by === 'cases' ? amount : countOf({ fraction: amount, cases: null }, available);
        const run = join('runs', `${by}-${amount}-seed-${seed}-${arm}`);
        return { arm, amount, cases, seed, run, state: 'queued', score: null, best: null, classes: {} };
      }),
    ),
  );
  return {
    format: 1,
    name: config.name,
    task: resolveTask(task).title,
    score: trained.best.metric,
    by,
    amounts,
    seeds: study.seeds,
    checkpoint: init.checkpoint,
    available,
    heldOut: validation.length,
    runs,
  };
}

/** What a run of a study changes in the study's config. */
export function overridesOf(
  { by, name }: StudyPlan,
  { arm, amount, seed }: StudyRun,
  { phases }: FinetuneConfig['schedule'],
): string[] {
  // Nothing has to be kept of random weights: they warm up once.
  const once =
    phases.name === 'default' ? [] : [`schedule.phases=${JSON.stringify({ name: 'warm-up', warmup: phases.warmup })}`];
  const scratch = [
    'init.checkpoint=null',
    'init.freezeEncoder=false',
    'init.freezeFor=0',
    'init.encoderRate=1',
    'init.kernelScale=null',
    ...once,
  ];
  return [
    `name=${`${name}-${by}-${amount}-seed-${seed}-${arm}`.slice(-80).replace(/^[^A-Za-z0-9]+/, '')}`,
    `seed=${seed}`,
    `data.cases=${by === 'cases' ? amount : 'null'}`,
    `data.fraction=${by === 'fraction' ? amount : 'null'}`,
    // What holds for pre-trained weights would hold random ones back.
    ...(arm === 'scratch' ? scratch : []),
  ];
}
