// Ours against PyTorch on this machine, in one call: `node bench/run.mjs [step|inference] [--rounds 3] [--json]`.
// Each round runs `voco bench` and the peer one after the other, plain and with glibc told to keep its memory.
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '..');
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(cpus().length) },
    device: { type: 'string', default: 'onednn' },
    'feature-size': { type: 'string', default: '48' },
    size: { type: 'string' },
    batch: { type: 'string' },
    // Debian's python3-torch belongs to Debian's python.
    python: { type: 'string', default: '/usr/bin/python3' },
    json: { type: 'boolean', default: false },
  },
});
const workload = positionals[0] ?? 'step';
if (!['step', 'inference'].includes(workload)) {
  process.stderr.write(`bench/run: unknown workload "${workload}": use step or inference\n`);
  process.exit(2);
}

const shared = ['runs', 'threads', 'feature-size', 'size', 'batch'].flatMap((name) =>
  values[name] === undefined ? [] : [`--${name}`, values[name]],
);
const read = (command, args) =>
  JSON.parse(execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
const peer = (...more) => read(values.python, [join('bench', 'peers', 'peer.py'), workload, ...shared, ...more]);

const contenders = {
  ours: () => read(process.execPath, [join('dist', 'voco.cjs'), 'bench', workload, '--json', '--device', values.device, ...shared]),
  tuned: () => peer('--tuned'),
  plain: () => peer(),
}; // prettier-ignore

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const secondsOf = (result) => {
  const timing = result.secondsPerCrop ?? result.secondsPerWindow;
  return typeof timing === 'number' ? timing : timing.median;
};

const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, run] of Object.entries(contenders)) {
    const result = run();
    results[name].push(result);
    process.stderr.write(`round ${round + 1}, ${name}: ${secondsOf(result).toFixed(3)} s\n`);
  }
}

const summary = Object.fromEntries(
  Object.entries(results).map(([name, list]) => [
    name,
    {
      seconds: median(list.map(secondsOf)),
      all: list.map(secondsOf),
      peakBytes: Math.max(...list.map((result) => result.peakBytes)),
    },
  ]),
);
const [ours] = results.ours;
const [torch] = results.plain;
const report = {
  workload,
  machine: { cpu: cpus()[0].model, cores: cpus().length, memoryBytes: totalmem(), threads: Number(values.threads) },
  versions: { node: process.versions.node, voco: ours.voco, torch: torch.torch },
  device: ours.device,
  featureSize: ours.featureSize,
  size: ours.size,
  batch: ours.batch,
  parameters: { ours: ours.parameters, peer: torch.parameters },
  ...summary,
  fasterThanTuned: summary.tuned.seconds / summary.ours.seconds,
  fasterThanPlain: summary.plain.seconds / summary.ours.seconds,
};
if (values.json) {
  process.stdout.write(`${JSON.stringify(report)}\n`);
} else {
  const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
  const line = (name, { seconds, peakBytes }) =>
    `${name.padEnd(16)}${seconds.toFixed(3)} s   peak ${gigabytes(peakBytes)}`;
  process.stdout.write(
    [
      `${workload}: feature size ${report.featureSize}, ${report.size}³, batch ${report.batch}, ${values.threads} threads, float32; medians of ${values.rounds} rounds, per ${workload === 'step' ? 'crop' : 'window'}`,
      line(`voco ${ours.device}`, summary.ours),
      line('torch, tuned', summary.tuned),
      line('torch, plain', summary.plain),
      `${report.fasterThanTuned.toFixed(2)}× the tuned PyTorch, ${report.fasterThanPlain.toFixed(2)}× the plain one`,
      `${report.machine.cpu}, ${report.machine.cores} cores; Node ${report.versions.node}, voco ${ours.voco}, torch ${torch.torch}`,
      '',
    ].join('\n'),
  ); // prettier-ignore
}
if (report.parameters.ours !== report.parameters.peer) {
  process.stderr.write(`bench/run: the networks differ: ${ours.parameters} and ${torch.parameters} parameters\n`);
  process.exit(1);
}
