import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MetricsReader, metricsFile, MetricsWriter, readMetrics, type MetricsRecord } from '../../../src/runs';
import { temporaryFolder } from './support';

async function write(runDir: string, steps: number[], options: { resumeStep?: number } = {}): Promise<void> {
  const writer = await MetricsWriter.open(runDir, options);
  for (const step of steps) await writer.append({ step, loss: 1 / step });
  await writer.sync();
  await writer.close();
}

const steps = async (runDir: string) => (await readMetrics(runDir)).map(({ step }) => step);

describe('metrics.jsonl', () => {
  test('one line a step; non-finite numbers come through', async () => {
    const runDir = temporaryFolder();
    const writer = await MetricsWriter.open(runDir);
    const records: MetricsRecord[] = [
      { step: 1, loss: 0.1 + 0.2, note: 'ä' },
      { step: 2, loss: NaN, 'loss/reg': Infinity, lr: -Infinity },
    ];
    for (const record of records) await writer.append(record);
    await writer.close();
    expect(readFileSync(metricsFile(runDir), 'utf8')).toBe(
      '{"step":1,"loss":0.30000000000000004,"note":"ä"}\n{"step":2,"loss":"NaN","loss/reg":"Infinity","lr":"-Infinity"}\n',
    );
    expect(await readMetrics(runDir)).toEqual(records);
  });

  test('a torn last line is ignored, and gone when writing goes on', async () => {
    const runDir = temporaryFolder();
    await write(runDir, [1, 2]);
    for (const torn of ['{"step":3,"lo', '{"step":3,"loss":1}']) {
      appendFileSync(metricsFile(runDir), torn);
      expect(await steps(runDir)).toEqual([1, 2]);
      const before = readFileSync(metricsFile(runDir), 'utf8');
      await write(runDir, []);
      expect(readFileSync(metricsFile(runDir), 'utf8')).toBe(before.slice(0, -torn.length));
    }
    await write(runDir, [3]);
    expect(await steps(runDir)).toEqual([1, 2, 3]);
  });

  test('damaged lines in the middle are skipped', async () => {
    const runDir = temporaryFolder();
    writeFileSync(metricsFile(runDir), '{"step":1}\nnull\n{"x":1}\n\0\0\0\n7\n{"step":2}\n');
    expect(await steps(runDir)).toEqual([1, 2]);
  });

  test('resuming at a step drops the lines after it, and nothing else', async () => {
    const runDir = temporaryFolder();
    await write(runDir, [1, 2, 3, 4, 5]);
    await write(runDir, [4, 5, 6], { resumeStep: 3 });
    expect(await steps(runDir)).toEqual([1, 2, 3, 4, 5, 6]);
    const { ino } = statSync(metricsFile(runDir));
    await write(runDir, [7], { resumeStep: 6 });
    expect(statSync(metricsFile(runDir)).ino).toBe(ino);
    await write(runDir, [1], { resumeStep: 0 });
    expect(await steps(runDir)).toEqual([1]);
    expect(readdirSync(runDir)).toEqual(['metrics.jsonl']);
  });

  test('a run without metrics has none', async () => {
    const runDir = temporaryFolder();
    expect(await readMetrics(runDir)).toEqual([]);
    expect(existsSync(metricsFile(runDir))).toBe(false);
  });
});

describe('reading while it grows', () => {
  test('each line is given once, whole, however the bytes arrive', async () => {
    const runDir = temporaryFolder();
    const reader = new MetricsReader(runDir);
    expect(await reader.read()).toEqual({ records: [], reset: false });
    const text = [1, 2, 3, 4].map((step) => `{"step":${step},"note":"é✓"}\n`).join('');
    const bytes = Buffer.from(text);
    const seen: number[] = [];
    for (let at = 0; at < bytes.length; at += 5) {
      appendFileSync(metricsFile(runDir), bytes.subarray(at, at + 5));
      const { records, reset } = await reader.read();
      expect(reset).toBe(false);
      for (const record of records) {
        expect(record.note).toBe('é✓');
        seen.push(record.step);
      }
    }
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  test('a resumed run starts the reader again', async () => {
    const runDir = temporaryFolder();
    await write(runDir, [1, 2, 3]);
    const reader = new MetricsReader(runDir);
    await reader.read();
    const writer = await MetricsWriter.open(runDir, { resumeStep: 2 });
    for (const step of [3, 4, 5, 6, 7]) await writer.append({ step, loss: 1 });
    await writer.close();
    const { records, reset } = await reader.read();
    expect(reset).toBe(true);
    expect(records.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await reader.read()).toEqual({ records: [], reset: false });
    unlinkSync(metricsFile(runDir));
    expect((await reader.read()).reset).toBe(true);
  });

  test('reads a quarter of a million steps, more than one read of the file holds', async () => {
    const runDir = temporaryFolder();
    const line =
      '"loss":0.123456789,"positive":0.1,"negative":0.2,"regularizer":0.3,"accuracy":0.5,"learningRate":0.0001}\n';
    writeFileSync(metricsFile(runDir), Array.from({ length: 250_000 }, (_, i) => `{"step":${i + 1},${line}`).join(''));
    expect((await readMetrics(runDir)).length).toBe(250_000);
  });
});
