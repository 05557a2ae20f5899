import { describe, expect, it } from 'vitest';
import { presetConfig, type FinetuneConfig } from '../../../src/config';
import { rules } from '../../../src/config/rules';
import { stepsKept } from '../../../src/config/phases';
import { scheduleOf } from '../../../src/train/length';

/** Rates of the fine-tuning schedules, against the words of nnU-Net's fork for nnssl, with one step an epoch. */
const preset = presetConfig('btcv');

type Phases = FinetuneConfig['schedule']['phases'];

const configOf = (phases: Phases, schedule: object = {}): FinetuneConfig => ({
  ...preset,
  optimizer: { ...preset.optimizer, lr: 1e-3 },
  init: { ...preset.init, checkpoint: 'pre.safetensors' },
  schedule: { ...preset.schedule, name: 'poly', power: 0.9, warmupEpochs: 50, ...schedule, phases },
});

function ratesOf(config: FinetuneConfig, totalSteps: number): number[] {
  const rate = scheduleOf(config, { totalSteps, warmupSteps: 7, validateEvery: 1, checkpointEvery: 1 });
  return Array.from({ length: totalSteps }, (_, step) => rate(step));
}

const PEAK = 1e-3;

/** "sawtooth": decoder warm-up for half of D epochs, decoder poly to D, whole net warm-up for W, then poly to E. */
function sawtooth(e: number, [d, w, total]: readonly [number, number, number], factor = 1): number {
  const half = Math.trunc(d / 2);
  if (e < half) return ((PEAK * factor) / half) * (e + 1);
  if (e < d) return PEAK * factor * (1 - (e - half) / (d - half)) ** 0.9;
  if (e < d + w) return (PEAK / w) * (e - d + 1);
  return PEAK * (1 - (e - d - w) / (total - d - w)) ** 0.9;
}

function expectClose(found: readonly number[], wanted: (epoch: number) => number): void {
  found.forEach((rate, epoch) => expect(Math.abs(rate - wanted(epoch)), `epoch ${epoch}`).toBeLessThan(1e-9));
}

describe('the rate of each step', () => {
  it.each([
    [1000, 0.05, [50, 50, 1000]],
    [150, 0.1, [15, 15, 150]],
  ] as const)('of a sawtooth over %i epochs', (total, share, lengths) => {
    const config = configOf({ name: 'sawtooth', decoder: share, warmup: share, decoderRate: 1 });
    expectClose(ratesOf(config, total), (epoch) => sawtooth(epoch, lengths));
    expect(stepsKept(config, total)).toBe(lengths[0]);
  });

  it('of a sawtooth on Primus, whose decoder has a hundredth of it', () => {
    const config = configOf({ name: 'sawtooth', decoder: 0.05, warmup: 0.05, decoderRate: 0.01 });
    expectClose(ratesOf(config, 1000), (epoch) => sawtooth(epoch, [50, 50, 1000], 0.01));
  });

  it.each([
    ['warm-up', 0],
    ['frozen', 150],
  ] as const)('of %s over 150 epochs: 15 of warm-up', (name, kept) => {
    const config = configOf({ name, warmup: 0.1 });
    expectClose(ratesOf(config, 150), (epoch) =>
      epoch < 15 ? (PEAK / 15) * (epoch + 1) : PEAK * (1 - (epoch - 15) / 135) ** 0.9,
    );
    expect(stepsKept(config, 150)).toBe(kept);
  });

  it('of a valley: linear decay of the decoder, warm-up and decay of the whole', () => {
    const config = configOf({ name: 'valley', decoder: 0.2, warmup: 0.1, decoderRate: 2 });
    expectClose(ratesOf(config, 100), (epoch) => {
      if (epoch < 20) return 2 * PEAK * (1 - epoch / 20);
      if (epoch < 30) return (PEAK / 10) * (epoch - 20 + 1);
      return PEAK * (1 - (epoch - 30) / 70) ** 0.9;
    });
    expect(stepsKept(config, 100)).toBe(20);
  });

  it('falls by a cosine to minLr, or not at all, where the schedule says so', () => {
    const phases: Phases = { name: 'sawtooth', decoder: 0.2, warmup: 0.1, decoderRate: 1 };
    const cosine = ratesOf(configOf(phases, { name: 'warmup-cosine', minLr: 1e-4 }), 100);
    expect(cosine[10]).toBeCloseTo(PEAK, 12);
    expect(cosine[15]).toBeCloseTo(PEAK / 2, 12);
    expect(cosine[65]).toBeCloseTo(1e-4 + (PEAK - 1e-4) / 2, 12);
    expect(Math.min(...cosine.slice(30))).toBeGreaterThan(1e-4);
    const constant = ratesOf(configOf(phases, { name: 'constant' }), 100);
    expect(new Set([...constant.slice(10, 20), ...constant.slice(30)])).toEqual(new Set([PEAK]));
  });

  it('of the default is that of the other keys of the schedule', () => {
    const rates = ratesOf(configOf({ name: 'default' }), 100);
    expectClose(rates, (step) => (step < 7 ? (PEAK * step) / 7 : PEAK * (1 - (step - 7) / 93) ** 0.9));
  });

  it.each([1, 2, 3, 7, 10])('is a finite number in a run of %i steps', (total) => {
    for (const phases of [
      { name: 'sawtooth', decoder: 0.6, warmup: 0.39, decoderRate: 1 },
      { name: 'valley', decoder: 0.1, warmup: 0.1, decoderRate: 1 },
      { name: 'frozen', warmup: 0 },
      { name: 'warm-up', warmup: 0.9 },
    ] as const) {
      const rates = ratesOf(configOf(phases), total);
      expect(rates.every((rate) => Number.isFinite(rate) && rate >= 0 && rate <= PEAK)).toBe(true);
    }
  });
});

describe('schedules that contradict other keys', () => {
  const problems = (config: FinetuneConfig): string[] =>
    rules(config).map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`);
  const saw: Phases = { name: 'sawtooth', decoder: 0.1, warmup: 0.1, decoderRate: 1 };

  it.each<[string, FinetuneConfig, RegExp]>([
    [
      'phases longer than the run',
      configOf({ ...saw, decoder: 0.6, warmup: 0.4 }),
      /^error schedule\.phases\.warmup: decoder 0\.6 and warmup 0\.4 leave no steps/,
    ],
    [
      'two keys that keep the encoder',
      { ...configOf(saw), init: { ...configOf(saw).init, freezeFor: 0.5 } },
      /^error init\.freezeFor: schedule\.phases "sawtooth" says when the encoder is kept/,
    ],
    [
      'an encoder that is kept for good and trained in the end',
      { ...configOf(saw), init: { ...configOf(saw).init, freezeEncoder: true } },
      /^error init\.freezeEncoder: schedule\.phases "sawtooth" says when/,
    ],
    [
      'a warm-up that phases do not look at',
      configOf(saw, { warmupEpochs: 20 }),
      /^warning schedule\.warmupEpochs: unused: schedule\.phases\.name "sawtooth" has no such setting, only default/,
    ],
    [
      'nothing to keep',
      { ...configOf(saw), init: preset.init },
      /^warning schedule\.phases\.name: "sawtooth" keeps weights of a checkpoint, and init\.checkpoint is null/,
    ],
    [
      'a rate of an encoder that is kept',
      {
        ...configOf({ name: 'frozen', warmup: 0.1 }),
        init: { ...preset.init, checkpoint: 'a', encoderRate: 0.1 },
      },
      /^warning init\.encoderRate: unused/,
    ],
  ])('%s', (_, config, line) => {
    expect(problems(config)).toEqual([expect.stringMatching(line)]);
  });

  it('are not found where there are none', () => {
    for (const phases of [saw, { name: 'frozen', warmup: 0.1 }, { name: 'warm-up', warmup: 0.1 }] as Phases[])
      expect(problems(configOf(phases, { warmupEpochs: 50 }))).toEqual([]);
  });
});
