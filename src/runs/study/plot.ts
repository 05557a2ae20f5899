import { plotSvg, type PlotPanel, type PlotSeries } from '../plot/svg';
import { scoreTitle } from '../../downstream/descriptors';
import type { Study, StudyArm } from './types';
import { counted } from '../../text';

export const ARM_NAMES: Readonly<Record<StudyArm, string>> = { pretrained: 'pre-trained', scratch: 'from scratch' };

type Spread = { readonly amount: number; readonly mean: number; readonly deviation: number | null };

function series(label: string, points: readonly Spread[]): PlotSeries[] {
  if (points.length === 0) return [];
  return [
    {
      label,
      points: points.map(({ amount, mean }) => ({ x: amount, y: mean })),
      bars: points.map(({ deviation }) => deviation ?? 0),
      marked: true,
      exact: true,
    },
  ];
}

/** The curves of a study as an SVG picture: scores of both sides, and their paired difference, over the amount of labels. */
export function studyPlotSvg(study: Study): string {
  const { points, differences, seeds, heldOut, runs, by } = study;
  const sides = (Object.keys(ARM_NAMES) as StudyArm[]).flatMap((arm) =>
    series(
      ARM_NAMES[arm],
      points.filter((point) => point.arm === arm),
    ),
  );
  const score = scoreTitle(study.score);
  const panels: PlotPanel[] = [
    { title: `Mean ${score}, ${heldOut} held-out cases`, unit: 'bars: standard deviation over seeds', series: sides },
    {
      title: `Difference in ${score}`,
      unit: 'pre-trained minus from scratch, same seed and cases',
      series: series('difference', differences),
      atLeast: [0, 0],
    },
  ];
  const done = runs.filter(({ state }) => state === 'finished').length;
  return plotSvg({
    title: study.name,
    subtitle: `${study.task} · ${done} of ${runs.length} runs · ${counted(seeds.length, 'seed')}`,
    xLabel: by === 'cases' ? 'labelled training cases' : 'share of the labelled training cases',
    xWhole: by === 'cases',
    panels: panels.filter((panel) => panel.series.length > 0),
  });
}
