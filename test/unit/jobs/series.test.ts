import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Column, firstAtLeast, thinnedIndices } from '../../../src/jobs/series/column';
import { RunSeries } from '../../../src/jobs/series/runSeries';
import { LineScanner } from '../../../src/runs/scan';
import { SeriesStore } from '../../../src/jobs/series/seriesStore';
import { decodeRecord, encodeRecord, metricsFile, type MetricsRecord } from '../../../src/runs/metrics';

const everything = { runs: ['r'], metrics: ['loss'], points: 1000, smoothing: 0 };

/** Adds a record by way of its line in metrics.jsonl. */
function append(series: RunSeries, record: MetricsRecord): void {
  const line = Buffer.from(encodeRecord(record));
  new LineScanner().scan(line, line.length, (step, names, values) => series.append(step, names, values));
}

function filled(values: readonly number[]): RunSeries {
  const series = new RunSeries();
  values.forEach((loss, index) => append(series, { step: index + 1, loss }));
  return series;
}

describe('thin', () => {
  it('returns every index when there are few', () => {
    expect([...thinnedIndices(Float32Array.of(3, 1, 2), 0, 3, 10)]).toEqual([0, 1, 2]);
  });

  it('keeps the ends, and every spike of a quarter of a million values', () => {
    const values = Float32Array.from({ length: 250_000 }, (_, i) => Math.sin(i / 1000));
    values[123_456] = 50;
    values[200_001] = -50;
    const kept = thinnedIndices(values, 0, values.length, 1000);
    expect(kept.length).toBeLessThanOrEqual(1500);
    expect([...kept]).toContain(123_456);
    expect([...kept]).toContain(200_001);
    expect([kept[0], kept.at(-1)]).toEqual([0, 249_999]);
    expect(kept.every((index, i) => i === 0 || index > kept[i - 1]!)).toBe(true);
  });

  it('is not blinded by values that are not numbers, and keeps the place of the first in an interval', () => {
    const values = new Float32Array(100).fill(Number.NaN);
    values[50] = 1;
    const kept = [...thinnedIndices(values, 0, 100, 12)];
    expect(kept).toContain(50);
    expect(kept).toContain(20);
  });
});

describe('Column', () => {
  it('smooths without bias, and carries on when it grows', () => {
    const weight = 0.9;
    const values = Array.from({ length: 1000 }, (_, i) => Math.cos(i) + i / 100);
    const once = new Column();
    const grown = new Column();
    values.forEach((value, i) => {
      once.push(i, value);
      grown.push(i, value);
      if (i % 97 === 0) grown.smoothed(weight);
    });
    let sum = 0;
    const expected = values.map((value, i) => {
      sum = weight * sum + (1 - weight) * value;
      return sum / (1 - weight ** (i + 1));
    });
    const got = once.smoothed(weight);
    expected.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 4));
    expect(grown.smoothed(weight)).toEqual(got);
  });

  it('smooths again after being cut back', () => {
    const column = new Column();
    for (let i = 0; i < 20; i++) column.push(i, i);
    column.smoothed(0.5);
    column.cutFrom(10);
    column.push(10, 100);
    const fresh = new Column();
    for (let i = 0; i < 10; i++) fresh.push(i, i);
    fresh.push(10, 100);
    expect(column.smoothed(0.5)).toEqual(fresh.smoothed(0.5));
  });

  it('finds the first step that is at least a value', () => {
    const steps = Uint32Array.of(2, 4, 6);
    expect([1, 2, 3, 6, 7].map((value) => firstAtLeast(steps, value))).toEqual([0, 0, 1, 2, 3]);
  });
});

describe('RunSeries', () => {
  it('holds one point a step after a resume replaced some', () => {
    const series = filled([5, 4, 3, 2]);
    append(series, { step: 3, loss: 30 });
    append(series, { step: 4, loss: 40 });
    const selected = series.select('r', 'loss', everything)!;
    expect([...selected.steps]).toEqual([1, 2, 3, 4]);
    expect([...selected.values]).toEqual([5, 4, 30, 40]);
    expect(series.marks('r').resumed).toEqual([3]);
  });

  it('ignores a repeated last step instead of doubling it', () => {
    const series = filled([5, 4]);
    append(series, { step: 2, loss: 9 });
    expect([...series.select('r', 'loss', everything)!.values]).toEqual([5, 9]);
  });

  it('marks steps whose values are not finite, and leaves a hole there', () => {
    const series = filled([1, 2]);
    append(series, { step: 3, loss: 'NaN' });
    append(series, { step: 4, loss: 'Infinity' });
    append(series, { step: 5, loss: 1, name: 'text is no metric' });
    expect(series.marks('r').nonFinite).toEqual([3, 4]);
    expect([...series.select('r', 'loss', everything)!.values].map(Number.isNaN)).toEqual([
      false,
      false,
      true,
      true,
      false,
    ]);
    expect(series.metrics).toEqual(['loss']);
  });

  it('selects a range with one neighbour on each side', () => {
    const series = filled([1, 2, 3, 4, 5, 6, 7]);
    const selected = series.select('r', 'loss', { ...everything, range: [3, 5] })!;
    expect([...selected.steps]).toEqual([2, 3, 4, 5, 6]);
  });

  it('keeps sparse metrics at their own steps', () => {
    const series = new RunSeries();
    for (let step = 1; step <= 6; step++)
      append(series, { step, loss: step, ...(step % 3 === 0 && { validation: step }) });
    expect([...series.select('r', 'validation', everything)!.steps]).toEqual([3, 6]);
    expect(series.extent).toEqual([1, 6]);
  });
});

describe('LineScanner', () => {
  const scan = (text: string): Record<string, number>[] => {
    const bytes = Buffer.from(text);
    const found: Record<string, number>[] = [];
    new LineScanner().scan(bytes, bytes.length, (step, names, values) => {
      found.push({ step, ...Object.fromEntries(names.map((name, i) => [name, values[i]!])) });
    });
    return found;
  };

  it('reads every number as JSON does, to the precision of a curve', () => {
    const values = [0, -0.5, 1e-9, 7.999999999684173e-9, 1204346928.9594083, 123456789012345680000, 1e21, -1.5e-300];
    const more = Array.from({ length: 500 }, (_, i) => (Math.sin(i) * 10 ** ((i % 40) - 20)) / 3);
    const records = [...values, ...more].map((loss, i) => ({ step: i + 1, loss }));
    const found = scan(records.map(encodeRecord).join(''));
    expect(found.map(({ step }) => step)).toEqual(records.map(({ step }) => step));
    found.forEach(({ loss }, i) => {
      const wanted = records[i]!.loss;
      expect(Math.abs(loss! - wanted)).toBeLessThanOrEqual(1e-15 * Math.abs(wanted));
    });
  });

  it('knows numbers that are not finite, lines of other writers, keys that come and go, and damage', () => {
    const lines = [
      '{"step":1,"loss":0.5,"lr":1}',
      '{"step":2,"loss":"NaN","lr":"-Infinity"}',
      '{ "step": 3, "loss": 4, "note": "a, \\"b\\"" }\r',
      '{"step":4,"validation/loss":2,"lr":3}',
      '{"step":5,"loss":',
      '{"step":6,"loss":1}{"step":7}',
      'torn":1}',
      '',
      '{"loss":1}',
      '{"loss":8,"step":8,"nested":{"a":1},"flag":true}',
      '{"step":9,"loss":1.5E+2}',
    ];
    expect(scan(`${lines.join('\n')}\n`)).toEqual([
      { step: 1, loss: 0.5, lr: 1 },
      { step: 2, loss: NaN, lr: NaN },
      { step: 3, loss: 4 },
      { step: 4, 'validation/loss': 2, lr: 3 },
      { step: 8, loss: 8 },
      { step: 9, loss: 150 },
    ]);
    expect(decodeRecord(lines[4]!)).toBeUndefined();
  });
});

describe('SeriesStore', () => {
  it('reads what is appended, and starts anew when the file is replaced', async () => {
    const run = mkdtempSync(join(tmpdir(), 'voco-series-'));
    const lines = (from: number, to: number): string =>
      Array.from({ length: to - from + 1 }, (_, i) => encodeRecord({ step: from + i, loss: 1 / (from + i) })).join('');
    try {
      writeFileSync(metricsFile(run), lines(1, 10));
      const store = new SeriesStore();
      expect(await store.describe(run)).toEqual({ metrics: ['loss'], lastStep: 10 });
      appendFileSync(metricsFile(run), `${lines(11, 20)}{"step":21,"lo`);
      expect((await store.describe(run)).lastStep).toBe(20);
      appendFileSync(metricsFile(run), 'ss":5}\n');
      const answer = await store.query({ ...everything, runs: [run] });
      expect(answer).toMatchObject({ reading: [], extent: [1, 21] });
      expect(answer.series[0]!.values.at(-1)).toBe(5);
      rmSync(metricsFile(run));
      writeFileSync(metricsFile(run), lines(1, 3));
      expect((await store.query({ ...everything, runs: [run] })).extent).toEqual([1, 3]);
    } finally {
      rmSync(run, { recursive: true });
    }
  });
});
