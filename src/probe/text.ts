import { columns } from '../compare/text';
import type { ProbeReport, ProbeTask } from '../protocol/probe';
import { counted, formatSize } from '../text';

const QUESTIONS: Readonly<Record<ProbeTask, string>> = {
  organ: 'organ at the middle of a crop',
  position: 'place of a crop in its volume, in thirds along each axis',
};

const percent = (share: number): string => (100 * share).toFixed(1);

/** In points, with its sign; what is rounded to 0 has a plus. */
function signed(share: number): string {
  const points = Math.round(1000 * share) / 10;
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}`;
}

function verdict({ difference: { mean, low, high }, seeds }: ProbeReport): string {
  const start = `mean difference ${signed(mean)} points`;
  if (low === null || high === null) return `${start} with one seed, which has no interval`;
  const interval = `95 % interval ${signed(low)} to ${signed(high)} over ${seeds.length} seeds`;
  const means =
    low > 0
      ? 'better than random weights'
      : high < 0
        ? 'worse than random weights'
        : 'no sure difference from random weights';
  return `${start}, ${interval}: ${means}`;
}

/** A report as people read it: a line a seed, accuracies in percent. */
export function probeText(report: ProbeReport): string {
  const { task, crops, crop, volumes, classes, features, seeds, checkpoints } = report;
  const rows = seeds.map(({ seed, checkpoint, guess, pretrained, random, trainVolumes, testVolumes }) => [
    `seed ${seed}`,
    ...(checkpoints.length > 1 ? [String(checkpoint + 1)] : []),
    `${trainVolumes.length} + ${testVolumes.length}`,
    percent(guess),
    percent(random.accuracy),
    percent(pretrained.accuracy),
    signed(pretrained.accuracy - random.accuracy),
  ]);
  const heads = [
    '',
    ...(checkpoints.length > 1 ? ['checkpoint'] : []),
    'volumes',
    'guessing %',
    'random %',
    'pre-trained %',
    'difference',
  ];
  const lines = [
    ...checkpoints.map(({ file, step }, i) => `${i + 1}. ${file}${step === null ? '' : ` (step ${step})`}`),
    `${QUESTIONS[task]}: ${counted(crops, 'crop')} of ${formatSize(crop)} from ${counted(volumes, 'volume')}, ${counted(classes.length, 'class', 'classes')}`,
    `averages of ${counted(features.channels.length, 'scale')} (${features.channels.join(' + ')} channels); volumes to train + to test the probe`,
    ...columns([heads, ...rows]),
    verdict(report),
  ];
  return `${lines.join('\n')}\n`;
}
