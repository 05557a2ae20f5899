// How soon the curves of long runs are there: `node bench/curves.mjs [runs] [steps]`. Asks the store behind the panel as the
// panel does, until every run has been read. Writes the runs (100 MB for 250,000 steps) to a temporary folder first.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { writeRun } from '../test/extension/syntheticRuns.mjs';
import { describeMachine, machineLine } from './machine.mjs';

const machine = describeMachine();
const [count, steps] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 250_000)];
const scratch = mkdtempSync(join(tmpdir(), 'voco-curves-'));
const bundle = join(scratch, 'store.mjs');
const entry = join(import.meta.dirname, '../src/jobs/series/seriesStore.ts');
buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'esm', outfile: bundle });
const { SeriesStore } = await import(pathToFileURL(bundle).href);

try {
  const runs = Array.from({ length: count }, (_, i) => writeRun(scratch, `run-${i}`, { steps, seed: i + 1 }));
  const store = new SeriesStore();
  const started = performance.now();
  const spent = process.cpuUsage();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  let first;
  for (let reading = 1; reading > 0;) {
    const { metrics } = await store.describe(runs[0]);
    const answer = await store.query({ runs, metrics, points: 1000, smoothing: 0.9 });
    first ??= seconds();
    reading = answer.reading.length;
    if (reading > 0) await sleep(500);
  }
  const whole = seconds();
  const before = performance.now();
  const { metrics } = await store.describe(runs[0]);
  await store.query({ runs, metrics, points: 1000, smoothing: 0.5 });
  const again = (performance.now() - before).toFixed(0);
  const computing = (process.cpuUsage(spent).user / 1e6).toFixed(1);
  console.log(`${count} runs of ${steps} steps: first curves after ${first} s, all after ${whole} s`);
  console.log(`another smoothing: ${again} ms; reading took ${computing} s of computing`);
  console.log(machineLine(machine));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
