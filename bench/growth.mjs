// How the cost of a training step grows, as Markdown tables: `node bench/growth.mjs [--device onednn] [--runs 3] [--quick]`.
// One factor is varied at a time; every measurement is a process of its own, so that peak memory is its own too.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'onednn' },
    runs: { type: 'string', default: '3' },
    // Small networks only: a check that everything runs.
    quick: { type: 'boolean', default: false },
  },
});
const base = { size: 64, 'feature-size': values.quick ? 12 : 48, batch: 2, threads: cpus().length };
const factors = values.quick
  ? { size: [32, 64, 96], batch: [2, 4], threads: [1, cpus().length] }
  : {
      size: [32, 64, 96, 128],
      'feature-size': [12, 24, 48, 96],
      batch: [2, 4, 8, 18],
      threads: [...new Set([1, 2, cpus().length])].filter((count) => count <= cpus().length),
    };

function measure(options) {
  const args = ['bench', 'step', '--json', '--device', values.device, '--runs', values.runs];
  for (const [name, value] of Object.entries(options)) args.push(`--${name}`, String(value));
  const result = spawnSync(process.execPath, [join(root, 'dist/voco.cjs'), ...args], { cwd: root, encoding: 'utf8' });
  if (result.status === 0) return { result: JSON.parse(result.stdout) };
  return { reason: result.stderr.trim().split('\n').pop() || `ended by ${result.signal}` };
}

const print = (text) => process.stdout.write(`${text}\n`);
for (const [factor, steps] of Object.entries(factors)) {
  const fixed = Object.entries(base).filter(([name]) => name !== factor);
  print(`\n${factor}, at ${fixed.map(([name, value]) => `${name} ${value}`).join(', ')}:\n`);
  print(`| ${factor} | seconds a crop | GFLOP/s | peak memory, GB | per crop, GB |\n| --- | --- | --- | --- | --- |`);
  for (const value of steps) {
    const { result, reason } = measure({ ...base, [factor]: value });
    if (!result) {
      print(`| ${value} | ${reason} | | | |`);
      continue;
    }
    const { secondsPerCrop, gigaflops, peakBytes, batch } = result;
    const memory = [peakBytes, peakBytes / batch].map((bytes) => (bytes / 1e9).toFixed(2));
    print(`| ${value} | ${secondsPerCrop.median.toPrecision(3)} | ${gigaflops.toFixed(0)} | ${memory.join(' | ')} |`);
  }
}
print(`\n${cpus()[0].model}, ${cpus().length} cores; Node ${process.versions.node}; device ${values.device}`);
