import { bestScores, downstreamDescriptors, scoreTitle } from '../downstream/descriptors';
import { baseMetric, isValidationMetric } from '../protocol/metrics';
import type { RunSummary } from './runSummary';
import type { RunKind, RunPhase } from '../runs/runDirectory';
import { activityText, counted, formatDuration, formatShortTime, printableLine, significant } from '../text';

export function percent(run: RunSummary): number {
  const { step, totalSteps } = run.state;
  return totalSteps > 0 ? Math.min(100, Math.floor((100 * step) / totalSteps)) : 0;
}

/**
 * Seconds to go, from how long the steps took since the process started; undefined while that cannot be known.
 *
 * @param firstStep the step at which this process began.
 */
export function secondsLeft(run: RunSummary, now: Date): number | undefined {
  const { step, totalSteps, resumedAt, heartbeat } = run.state;
  const started = run.launch?.startedAt ?? run.state.started;
  const first = resumedAt?.at(-1) ?? 0;
  if (run.phase !== 'running' || !started || step <= first) return undefined;
  const until = heartbeat ? Date.parse(heartbeat) : now.getTime();
  const spent = (until - Date.parse(started)) / 1000;
  return spent > 0 ? (spent / (step - first)) * (totalSteps - step) : undefined;
}

const lossText = (loss: number): string => (Number.isFinite(loss) ? significant(loss, 4) : 'not a number');

/** "Dice", "validation accuracy": the prefix marks metrics that training measures as well. */
function scoreName(metric: string): string {
  const title = scoreTitle(baseMetric(metric));
  if (!isValidationMetric(metric)) return title;
  const own = downstreamDescriptors.all.flatMap(({ charts }) => charts.filter(({ heldOutOnly }) => heldOutOnly));
  return own.some(({ metrics }) => metrics.includes(baseMetric(metric))) ? title : `validation ${title}`;
}

/** The scores that lists show of what was measured, the most telling first: `Dice 0.812`. */
export function scoreTexts(metrics: Readonly<Record<string, number>>): string[] {
  const known = [...bestScores().map(({ metric }) => metric), 'loss', 'accuracy'];
  return known
    .filter((name) => metrics[name] !== undefined)
    .map((name) => `${scoreName(name)} ${significant(metrics[name]!, 3)}`);
}

const KINDS: Partial<Record<RunKind, string>> = {
  finetune: 'fine-tuning',
  evaluate: 'evaluation',
  study: 'study',
};

/** What kind of run it is; nothing for pre-training, the usual one. */
const kindText = ({ state }: RunSummary): string | undefined => KINDS[state.kind];

/** The first words about a run: its kind, unless it is a pre-training, and its score on held-out cases. */
function leadingTexts(run: RunSummary): string[] {
  const kind = kindText(run);
  if (!kind) return [];
  const score = Object.entries(run.state.heldOut ?? {})[0];
  return [kind, ...(score ? [`${scoreName(score[0])} ${score[1].toFixed(3)}`] : [])];
}

/** What a live run is at besides steps; of one that pauses or stops, what that waits for. */
export function activityOf({ live, state }: RunSummary): string | undefined {
  const text = live ? printableLine(activityText(state.activity)) : '';
  return text === '' ? undefined : text;
}

const PENDING: readonly RunPhase[] = ['pausing', 'stopping'];

/** The phase, and what a pause or a stop waits for. */
function phaseText(run: RunSummary): string {
  const waitsFor = PENDING.includes(run.phase) ? activityOf(run) : undefined;
  return waitsFor === undefined ? run.phase : `${run.phase}, waits for: ${waitsFor}`;
}

const silence = (seconds: number): string => `no sign of life for ${seconds} s`;

/** State, progress, loss and time left in a line. */
export function describeRun(run: RunSummary, now: Date = new Date()): string {
  const { step, totalSteps, loss, skipped } = run.state;
  const parts: string[] = [...leadingTexts(run), phaseText(run)];
  const doing = activityOf(run);
  if (doing !== undefined && !PENDING.includes(run.phase)) parts.push(doing);
  if (run.phase !== 'queued' && totalSteps > 0) parts.push(`${step} of ${totalSteps} (${percent(run)}%)`);
  if (loss !== undefined) parts.push(`loss ${lossText(loss)}`);
  const left = secondsLeft(run, now);
  if (left !== undefined) parts.push(`${formatDuration(left)} left`);
  if (skipped) parts.push(`${counted(skipped, 'case')} left out as bad`);
  if (!run.here) parts.push(`on ${run.state.host ?? 'another machine'}`);
  if (run.live && run.foreign !== undefined) parts.push('from elsewhere, only shown');
  if (run.silentSeconds !== undefined) parts.push(silence(run.silentSeconds));
  return parts.join(' · ');
}

/** The little that fits beside a run's name in the tree; its icon shows the state already. */
export function shortText(run: RunSummary, now: Date = new Date()): string {
  const { step, totalSteps, loss, created, ended } = run.state;
  const lossPart = loss === undefined ? [] : [`loss ${lossText(loss)}`];
  const left = secondsLeft(run, now);
  const lead = leadingTexts(run);
  const scores = lead.length > 0 ? [] : lossPart;
  const doing = activityOf(run);
  switch (run.phase) {
    case 'running':
      return [
        `${percent(run)}%`,
        ...(doing === undefined ? [] : [doing]),
        ...lead,
        ...lossPart,
        ...(left === undefined ? [] : [`${formatDuration(left)} left`]),
        ...(run.silentSeconds === undefined ? [] : [silence(run.silentSeconds)]),
      ].join(' · ');
    case 'finished':
      return [...lead, formatShortTime(ended ?? created), ...scores].join(' · ');
    case 'failed':
      return run.reason ?? 'failed';
    case 'interrupted':
      return `stopped at step ${step} of ${totalSteps}`;
    case 'paused':
      return `paused at ${percent(run)}%`;
    case 'starting':
      return doing === undefined ? run.phase : `${run.phase} · ${doing}`;
    default:
      return phaseText(run);
  }
}
