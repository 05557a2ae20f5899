import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { metricsFile, MetricsReader, MetricsWriter, readMetrics, RunCurves, runFiles } from '../../../src/runs';
import { ThinCurve } from '../../../src/runs/thinCurve';
import { temporaryFolder } from './support';

const FILLER = '"parts/a":0.123456789,"parts/b":0.987654321,"learningRate":0.0001,"memoryBytes":123456789';
const line = (step: number, loss: number): string => `{"step":${step},"loss":${loss},${FILLER}}\n`;
const lines = (from: number, to: number, loss = (step: number) => 1 / step): string =>
  Array.from({ length: to - from + 1 }, (_, i) => line(from + i, loss(from + i))).join('');

describe('a thinned curve', () => {
  test('is whole while it is short', () => {
    const curve = new ThinCurve();
    const points = Array.from({ length: 1000 }, (_, i) => ({ x: i + 1, y: Math.sin(i) }));
    points.forEach(({ x, y }) => curve.push(x, y));
    expect(curve.points()).toEqual(points);
    expect(curve.means()).toBeUndefined();
  });

  test('stays small however long it gets, and keeps spikes, gaps, the end and the mean', () => {
    const curve = new ThinCurve();
    const count = 100_001;
    for (let x = 1; x <= count; x++) curve.push(x, x === 77_777 ? 50 : x === 33_333 ? NaN : x % 2);
    const points = curve.points();
    expect(points.length).toBeLessThan(3 * 1024 + 2);
    expect(points).toContainEqual({ x: 77_777, y: 50 });
    expect(points.filter(({ y }) => Number.isNaN(y)).map(({ x }) => x)).toEqual([33_333]);
    expect(points.at(-1)).toEqual({ x: count, y: 1 });
    expect(points.map(({ x }) => x)).toEqual([...new Set(points.map(({ x }) => x))].sort((a, b) => a - b));
    const means = curve.means()!;
    expect(means.reduce((sum, { weight }) => sum + weight, 0)).toBe(count - 1);
    const total = means.reduce((sum, { point, weight }) => sum + weight * point.y, 0);
    // Odd numbers of 1…100,001 but the two marked ones, and the spike.
    expect(total).toBeCloseTo(50_001 - 2 + 50, 6);
  });

  test('goes on from what was kept of it as if it had never stopped', () => {
    const [whole, first] = [new ThinCurve(), new ThinCurve()];
    for (let x = 1; x <= 9000; x++) for (const curve of [whole, first]) curve.push(x, Math.cos(x));
    const second = ThinCurve.of(JSON.parse(JSON.stringify(first.kept())) as ReturnType<ThinCurve['kept']>);
    for (let x = 9001; x <= 20_000; x++) for (const curve of [whole, second]) curve.push(x, Math.cos(x));
    expect(second.kept()).toEqual(whole.kept());
  });
});

describe('the curves of a run', () => {
  const losses = (curves: RunCurves) => curves.curves.get('loss')?.points() ?? [];

  test('take up what is new, also in the next process, and no line twice', async () => {
    const runDir = temporaryFolder();
    const file = metricsFile(runDir);
    writeFileSync(file, lines(1, 40_000));
    const first = new RunCurves(runDir);
    await first.update();
    await first.keep();
    expect(existsSync(runFiles(runDir).curves)).toBe(true);
    // What lies before the place that was read to is not looked at again: damage there does not show.
    const bytes = readFileSync(file);
    bytes.fill(0x20, 0, 1 << 20);
    writeFileSync(file, bytes);
    appendFileSync(file, lines(40_001, 40_010));
    const second = new RunCurves(runDir);
    await second.update();
    expect(losses(second)[0]).toEqual({ x: 1, y: 1 });
    expect(losses(second).at(-1)).toEqual({ x: 40_010, y: 1 / 40_010 });
  });

  test('begin anew when the metrics were cut behind the place they were read to', async () => {
    const runDir = temporaryFolder();
    const file = metricsFile(runDir);
    writeFileSync(file, lines(1, 40_000));
    const first = new RunCurves(runDir);
    await first.update();
    await first.keep();
    const writer = await MetricsWriter.open(runDir, { resumeStep: 30_000 });
    await writer.close();
    appendFileSync(
      file,
      lines(30_001, 45_000, () => 7),
    );
    for (const curves of [first, new RunCurves(runDir)]) {
      await curves.update();
      const after = losses(curves).filter(({ x }) => x > 30_100);
      expect(after.length).toBeGreaterThan(10);
      expect(new Set(after.map(({ y }) => y))).toEqual(new Set([7]));
    }
  });

  test('of a short run, or with a damaged file of them, come from the metrics', async () => {
    const runDir = temporaryFolder();
    writeFileSync(metricsFile(runDir), lines(1, 10));
    for (const damaged of ['', '{', 'null', '{"format":1,"place":{"offset":5,"tail":""}}']) {
      writeFileSync(runFiles(runDir).curves, damaged);
      const curves = new RunCurves(runDir);
      await curves.update();
      expect(losses(curves)).toHaveLength(10);
    }
  });
});

describe('long metrics', () => {
  test('are cut at any step, in place', async () => {
    const runDir = temporaryFolder();
    const file = metricsFile(runDir);
    const text = lines(1, 6000);
    for (const step of [0, 1, 2, 599, 600, 601, 3000, 5998, 5999, 6000, 7000]) {
      writeFileSync(file, text);
      // A write that never reached the disk, and one that did in part.
      appendFileSync(file, `${'\0'.repeat(200_000)}\n{"step":6001,"lo`);
      const writer = await MetricsWriter.open(runDir, { resumeStep: step });
      await writer.append({ step: step + 1, loss: 1 });
      await writer.close();
      const kept = Math.min(step, 6000);
      const expected = lines(1, kept).slice(0, kept === 0 ? 0 : undefined);
      expect(readFileSync(file, 'utf8')).toBe(`${expected}{"step":${step + 1},"loss":1}\n`);
    }
  });

  test('a step is amended, not told twice', async () => {
    const runDir = temporaryFolder();
    const reader = new MetricsReader(runDir);
    for (const resumed of [false, true]) {
      let writer = await MetricsWriter.open(runDir, { resumeStep: 1 });
      await writer.append({ step: 2, loss: 0.25 });
      if (resumed) {
        await writer.close();
        writer = await MetricsWriter.open(runDir, { resumeStep: 2 });
      }
      await reader.read();
      await writer.amend({ step: 2, 'validation/loss': 0.5 });
      await writer.append({ step: 3, loss: 0.125 });
      const { records, reset } = await reader.read();
      expect(reset).toBe(true);
      expect(records).toEqual([
        { step: 2, loss: 0.25, 'validation/loss': 0.5 },
        { step: 3, loss: 0.125 },
      ]);
      await writer.amend({ step: 4, loss: 1, 'validation/loss': 2 });
      await writer.close();
      expect((await readMetrics(runDir)).at(-1)).toEqual({ step: 4, loss: 1, 'validation/loss': 2 });
      truncateSync(metricsFile(runDir), 0);
      expect(statSync(metricsFile(runDir)).size).toBe(0);
      await reader.read();
    }
  });
});
