import { describe, expect, it } from 'vitest';
import { splitVolumes, guessOf, probe } from '../../../src/probe/linearProbe';
import {
  fitLogistic,
  logisticLoss,
  qualityOf,
  scalingOf,
  standardized,
  type Features,
} from '../../../src/probe/logistic';
import { minimize } from '../../../src/probe/minimize';
import { RandomStream } from '../../../src/random/random';
import { atOnce } from '../../../src/rpc/breath';

const features = (columns: number, values: readonly number[]): Features => ({
  rows: values.length / columns,
  columns,
  values: Float32Array.from(values),
});

const random = new RandomStream(8);
const noise = (length: number): number[] => Array.from({ length }, () => random.normal());

describe('L-BFGS', () => {
  it('finds the minimum of a badly scaled quadratic function', () => {
    const scales = [1, 10, 100, 1000];
    const found = atOnce(
      minimize((at, gradient) => {
        let value = 0;
        scales.forEach((scale, i) => {
          value += (scale / 2) * (at[i]! - i) ** 2;
          gradient[i] = scale * (at[i]! - i);
        });
        return value;
      }, new Float64Array(4).fill(-5)),
    );
    expect(found.converged).toBe(true);
    Array.from(found.at).forEach((value, i) => expect(value).toBeCloseTo(i, 4));
  });

  it('gets through the bent valley of Rosenbrock, and leaves the start as it is', () => {
    const start = Float64Array.of(-1.2, 1);
    const found = atOnce(
      minimize((at, gradient) => {
        const [x, y] = [at[0]!, at[1]!];
        gradient[0] = -2 * (1 - x) - 400 * x * (y - x * x);
        gradient[1] = 200 * (y - x * x);
        return (1 - x) ** 2 + 100 * (y - x * x) ** 2;
      }, start),
    );
    expect(found.at[0]).toBeCloseTo(1, 4);
    expect(found.at[1]).toBeCloseTo(1, 4);
    expect(Array.from(start)).toEqual([-1.2, 1]);
  });

  it('says where it was stopped early', () => {
    const slow = minimize((at, gradient) => ((gradient[0] = 4 * at[0]! ** 3), at[0]! ** 4), Float64Array.of(3), {
      maxIterations: 2,
    });
    expect(atOnce(slow)).toMatchObject({ converged: false, iterations: 2 });
  });
});

describe('multinomial logistic regression', () => {
  it('has a gradient that agrees with finite differences', () => {
    const x = features(3, noise(12));
    const loss = logisticLoss(x, Int32Array.of(0, 2, 1, 2), 3, 0.3);
    const at = Float64Array.from(noise(12));
    const gradient = new Float64Array(12);
    loss(at, gradient);
    const step = 1e-6;
    for (let i = 0; i < 12; i++) {
      const moved = (by: number): number => loss(Object.assign(at.slice(), { [i]: at[i]! + by }), new Float64Array(12));
      expect(gradient[i]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 6);
    }
  });

  it('is the solution that two classes on a line have in closed form', () => {
    // Weights ±u by symmetry; the loss log(1 + exp(−2u)) + penalty · u² is least where penalty · u · (1 + exp(2u)) = 1.
    for (const penalty of [1, 0.1, 0.001]) {
      const weights = atOnce(fitLogistic(features(1, [-1, 1, -1, 1]), Int32Array.of(0, 1, 0, 1), 2, penalty));
      const [low, high, ...biases] = weights;
      expect(low).toBeCloseTo(-high!, 6);
      expect(penalty * high! * (1 + Math.exp(2 * high!))).toBeCloseTo(1, 2);
      biases.forEach((bias) => expect(bias).toBeCloseTo(0, 6));
    }
  });

  it('gives the shares of the classes where the features tell nothing, since biases are free', () => {
    const labels = Int32Array.of(0, 1, 1, 2, 2, 2);
    const weights = atOnce(fitLogistic(features(1, new Array<number>(6).fill(0)), labels, 3, 10));
    const biases = weights.subarray(3);
    expect(biases[1]! - biases[0]!).toBeCloseTo(Math.log(2), 4);
    expect(biases[2]! - biases[0]!).toBeCloseTo(Math.log(3), 4);
  });

  it('counts classes that it does not know as wrong', () => {
    const weights = Float64Array.of(-5, 5, 0, 0);
    const found = qualityOf(features(1, [-1, 1, 1]), Int32Array.of(0, 1, -1), 2, weights);
    expect(found.accuracy).toBeCloseTo(2 / 3, 12);
    expect(found.crossEntropy).toBeCloseTo(Math.log(1 + Math.exp(-10)), 12);
  });

  it('standardises columns by other rows, and leaves out those that hardly differ', () => {
    const train = features(3, [1, 10, 5, 3, 30, 5 + 1e-7]);
    const scaled = standardized(features(3, [2, 40, 9]), scalingOf(train));
    expect(Array.from(scaled.values)).toEqual([0, 2, 0]);
    expect(Array.from(standardized(train, scalingOf(train)).values)).toEqual([-1, -1, 0, 1, 1, 0]);
  });
});

describe('the split of volumes', () => {
  it.each([3, 4, 10, 41])(
    'of %i puts each on one side, and keeps some of the training to choose the penalty',
    (count) => {
      for (const seed of [0, 1, 2]) {
        const { train, choice, test } = splitVolumes(count, seed);
        expect([...train, ...test].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(choice.length).toBeGreaterThan(0);
        expect(choice.length).toBeLessThan(train.length);
        expect(choice.every((volume) => train.includes(volume))).toBe(true);
        expect(splitVolumes(count, seed)).toEqual({ train, choice, test });
      }
      if (count > 4) expect(splitVolumes(count, 1)).not.toEqual(splitVolumes(count, 2));
    },
  );
});

describe('a probe', () => {
  const volumes = Array.from({ length: 120 }, (_, i) => i % 12);
  const labels = Array.from({ length: 120 }, (_, i) => 5 + (Math.floor(i / 12) % 3));
  const crops = { volumes, labels };
  const split = splitVolumes(12, 0);
  const of = (signal: number): Features =>
    features(4, labels.flatMap((label) => noise(4).map((value, c) => value + (c === label - 5 ? signal : 0)))); // prettier-ignore

  it('tells classes that the features show, and guesses where they show none', () => {
    expect(atOnce(probe(of(8), crops, split)).accuracy).toBeGreaterThan(0.95);
    const blind = atOnce(probe(of(0), crops, split));
    expect(blind.accuracy).toBeLessThan(0.6);
    // Where nothing is to be learnt, a strong penalty is right.
    expect(blind.penalty).toBeGreaterThanOrEqual(1);
  });

  it('is the same each time, and does not look at test crops while it learns', () => {
    const shown = of(2);
    const first = atOnce(probe(shown, crops, split));
    expect(atOnce(probe(shown, crops, split))).toEqual(first);
    const spoilt = { ...shown, values: shown.values.slice() };
    volumes.forEach((volume, row) => {
      if (split.test.includes(volume)) spoilt.values.fill(0, 4 * row, 4 * row + 4);
    });
    expect(atOnce(probe(spoilt, crops, split)).penalty).toBe(first.penalty);
    const { trainCrops, testCrops, guess } = guessOf(crops, split);
    expect([trainCrops, testCrops]).toEqual([80, 40]);
    // Four of the ten crops of each volume are of the first class.
    expect(guess).toBeCloseTo(0.4, 12);
  });

  it('learns although a class is in no volume that trains it', () => {
    const rare = labels.map((label, row) => (split.test.includes(volumes[row]!) && label === 7 ? 99 : label));
    const { accuracy } = atOnce(probe(of(8), { volumes, labels: rare }, split));
    // Three of ten crops are of that class.
    expect(accuracy).toBeGreaterThan(0.6);
    expect(accuracy).toBeLessThanOrEqual(0.7);
  });
});
