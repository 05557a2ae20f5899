import { STUDY_ARMS, type Study, type StudyArm, type StudyDifference, type StudyPlan, type StudyPoint } from './types';

function spreadOf(values: readonly number[]): { mean: number; deviation: number | null; count: number } {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: count > 1 ? Math.sqrt(squares / (count - 1)) : null, count };
}

/** Means and deviations over the seeds that are done. */
export function summarizeStudy(plan: StudyPlan): Study {
  const { amounts, seeds, runs } = plan;
  const scoreOf = (arm: StudyArm, amount: number, seed: number): number | undefined =>
    runs.find((run) => run.arm === arm && run.amount === amount && run.seed === seed)?.score ?? undefined;
  const points = STUDY_ARMS.flatMap((arm) =>
    amounts.flatMap((amount): StudyPoint[] => {
      const scores = seeds.flatMap((seed) => scoreOf(arm, amount, seed) ?? []);
      return scores.length > 0 ? [{ arm, amount, ...spreadOf(scores) }] : [];
    }),
  );
  const differences = amounts.flatMap((amount): StudyDifference[] => {
    const pairs = seeds.flatMap((seed) => {
      const [ours, scratch] = STUDY_ARMS.map((arm) => scoreOf(arm, amount, seed));
      return ours === undefined || scratch === undefined ? [] : [ours - scratch];
    });
    const ahead = pairs.filter((difference) => difference > 0).length;
    return pairs.length > 0 ? [{ amount, ...spreadOf(pairs), ahead }] : [];
  });
  return { ...plan, points, differences };
}
