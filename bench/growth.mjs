// How the cost of a training step grows: `node bench/growth.mjs [--device onednn] [--runs 2] [--quick]`.
// One setting is varied at a time; every measurement is a process of its own, so that peak memory is its own too.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { busyWarning, describeMachine, machineLine } from './machine.mjs';

const root = join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    device: { type: 'string', default: 'onednn' },
    runs: { type: 'string', default: '2' },
    // Small networks only: a check that everything runs.
    quick: { type: 'boolean', default: false },
  },
});
const cores = cpus().length;
const base = { size: 64, 'feature-size': values.quick ? 12 : 48, batch: 2, threads: cores };
const factors = values.quick
  ? { batch: [4] }
  : { size: [96, 128], 'feature-size': [12, 24, 96], batch: [4, 8], threads: cores > 1 ? [1] : [] };

function measure(options) {
  const args = ['bench', 'step', '--json', '--device', values.device, '--runs', values.runs];
  for (const [name, value] of Object.entries(options)) args.push(`--${name}`, String(value));
  const result = spawnSync(process.execPath, [join(root, 'dist/voco.cjs'), ...args], { cwd: root, encoding: 'utf8' });
  if (result.status === 0) return { result: JSON.parse(result.stdout) };
  return { reason: result.stderr.trim().split('\n').pop() || `ended by ${result.signal}` };
}

const print = (...cells) =>
  process.stdout.write(`${cells[0].padEnd(18)}${cells.slice(1).map((cell) => cell.padStart(12)).join('')}\n`); // prettier-ignore

function row(name, options) {
  const { result, reason } = measure(options);
  if (!result) return process.stdout.write(`${name.padEnd(18)}  ${reason}\n`);
  const { secondsPerCrop, gigaflops, peakBytes, batch } = result;
  const memory = [peakBytes, peakBytes / batch].map((bytes) => (bytes / 1e9).toFixed(2));
  print(name, secondsPerCrop.median.toPrecision(3), gigaflops.toFixed(0), ...memory);
}

const machine = describeMachine();
const settings = Object.entries(base).map(([name, value]) => `${name} ${value}`);
process.stdout.write(`a training step on ${values.device}, float32: ${settings.join(', ')} unless said otherwise\n`);
print('', 's a crop', 'GFLOP/s', 'peak GB', 'GB a crop');
row('as said', base);
for (const [factor, steps] of Object.entries(factors)) {
  for (const value of steps) row(`${factor} ${value}`, { ...base, [factor]: value });
}
process.stdout.write(`${machineLine(machine)}\n`);
const warning = busyWarning(machine);
if (warning) process.stderr.write(`bench/growth: ${warning}\n`);
