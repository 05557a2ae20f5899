import type { ProbeScore, ProbeSettings } from '../protocol/probe';
import { RandomStream, streamId } from '../random/random';
import type { InPieces } from '../rpc/breath';
import { fitLogistic, qualityOf, scalingOf, standardized, takeRows, type Features } from './logistic';

/** How every probe is trained. Penalties go from strong to weak, each search starting where the one before ended. */
export const PROBE: ProbeSettings = {
  testShare: 0.3,
  choiceShare: 0.25,
  penalties: [10, 1, 0.1, 0.01, 0.001, 0.0001],
};
/** The search for a penalty ends after so many that are worse than the best one. */
const WORSE_IN_A_ROW = 2;
/** One volume to train on, one to choose the penalty, one to test on. */
export const LEAST_VOLUMES = 3;

const SPLIT = streamId('probe split');

/** Indices of volumes. */
export interface Split {
  readonly train: readonly number[];
  /** Those of `train` on which the penalty is chosen. */
  readonly choice: readonly number[];
  readonly test: readonly number[];
}

/** Sets volumes aside, as the seed says. @param volumes at least {@link LEAST_VOLUMES} */
export function splitVolumes(volumes: number, seed: number): Split {
  const order = [...new RandomStream(seed, SPLIT).permutation(volumes)];
  const count = Math.min(volumes - 2, Math.max(1, Math.round(PROBE.testShare * volumes)));
  const [test, train] = [order.slice(0, count), order.slice(count)];
  return { test, train, choice: train.slice(0, Math.max(1, Math.round(PROBE.choiceShare * train.length))) };
}

/** Crops of some volumes, with their classes. */
interface Part {
  readonly features: Features;
  readonly labels: Int32Array;
}

export interface ProbeCrops {
  /** Of each crop: its volume, and its class. */
  readonly volumes: readonly number[];
  readonly labels: readonly number[];
}

function rowsOf(crops: ProbeCrops, volumes: readonly number[]): number[] {
  const wanted = new Set(volumes);
  return crops.volumes.flatMap((volume, row) => (wanted.has(volume) ? [row] : []));
}

/** A part whose classes are numbered among those that occur in training; −1 for others. */
function partOf(features: Features, crops: ProbeCrops, rows: readonly number[], known: readonly number[]): Part {
  return {
    features: takeRows(features, rows),
    labels: Int32Array.from(rows, (row) => known.indexOf(crops.labels[row]!)),
  };
}

const classesOf = (crops: ProbeCrops, rows: readonly number[]): number[] => [
  ...new Set(rows.map((row) => crops.labels[row]!)),
];

interface Found {
  readonly penalty: number;
  readonly loss: number;
}

/** The penalty under which a probe of some volumes tells others best, by cross entropy. */
function* choosePenalty(train: Part, choice: Part, classes: number): InPieces<number> {
  const scaling = scalingOf(train.features);
  const [known, other] = [standardized(train.features, scaling), standardized(choice.features, scaling)];
  let best: Found = { penalty: PROBE.penalties[0]!, loss: Infinity };
  let weights: Float64Array | undefined;
  let worse = 0;
  for (const penalty of PROBE.penalties) {
    weights = yield* fitLogistic(known, train.labels, classes, penalty, weights);
    const loss = qualityOf(other, choice.labels, classes, weights).crossEntropy;
    worse = loss < best.loss ? 0 : worse + 1;
    if (loss < best.loss) best = { penalty, loss };
    if (worse === WORSE_IN_A_ROW) break;
  }
  return best.penalty;
}

/**
 * Trains a linear probe on the crops of the training volumes and tests it on those of the others: a multinomial logistic regression
 * on standardised features, whose penalty is chosen on training volumes that are set aside for that.
 */
export function* probe(features: Features, crops: ProbeCrops, { train, choice, test }: Split): InPieces<ProbeScore> {
  const inner = rowsOf(
    crops,
    train.filter((volume) => !choice.includes(volume)),
  );
  const known = classesOf(crops, inner);
  const part = (rows: readonly number[], classes: readonly number[]): Part => partOf(features, crops, rows, classes);
  const penalty = yield* choosePenalty(part(inner, known), part(rowsOf(crops, choice), known), known.length);
  const rows = rowsOf(crops, train);
  const classes = classesOf(crops, rows);
  const [all, held] = [part(rows, classes), part(rowsOf(crops, test), classes)];
  const scaling = scalingOf(all.features);
  const weights = yield* fitLogistic(standardized(all.features, scaling), all.labels, classes.length, penalty);
  const { accuracy } = qualityOf(standardized(held.features, scaling), held.labels, classes.length, weights);
  return { accuracy, penalty };
}

/** What is known of a split beside its scores: how many crops it has, and what guessing gives. */
export function guessOf(crops: ProbeCrops, { train, test }: Split) {
  const [known, held] = [rowsOf(crops, train), rowsOf(crops, test)];
  const counts = new Map<number, number>();
  for (const row of known) counts.set(crops.labels[row]!, (counts.get(crops.labels[row]!) ?? 0) + 1);
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0];
  const right = held.filter((row) => crops.labels[row] === most).length;
  return { trainCrops: known.length, testCrops: held.length, guess: right / held.length };
}
