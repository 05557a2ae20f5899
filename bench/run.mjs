// Ours against PyTorch on this machine, in one call: `node bench/run.mjs [step|inference|resenc] [--rounds 3] [--json]`.
// PyTorch comes from `node bench/peers/setup.mjs`, else from Debian; `--python FILE` takes another one.
// --runs 2, --threads N, --feature-size 48 (resenc 32), --size N, --batch N, --precision float32|bf16 and --device onednn as in `voco bench`.
import { cpus } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { compare, WORKLOADS } from './compare.mjs';
import { busyWarning, machineLine } from './machine.mjs';
import { fail, findPython } from './peers/python.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '2' },
    threads: { type: 'string', default: String(cpus().length) },
    device: { type: 'string', default: 'onednn' },
    precision: { type: 'string', default: 'float32' },
    'feature-size': { type: 'string' },
    size: { type: 'string' },
    batch: { type: 'string' },
    python: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const workload = positionals[0] ?? 'step';
if (!Object.hasOwn(WORKLOADS, workload)) {
  fail('bench/run', `unknown workload "${workload}": use ${Object.keys(WORKLOADS).join(' or ')}`, 2);
}
const settings = ['runs', 'threads', 'feature-size', 'size', 'batch'].flatMap((name) =>
  values[name] === undefined ? [] : [`--${name}`, values[name]],
);

const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(2)} GB`;
const times = ({ median, min, max }) => `${median.toFixed(2)}× (${min.toFixed(2)} to ${max.toFixed(2)} by round)`;

function linesOf(report) {
  const { ours, tuned, plain, peer, machine } = report;
  const line = (name, { seconds, all, peakBytes }) =>
    `${name.padEnd(24)}${seconds.toFixed(2)} s   (${all.map((one) => one.toFixed(2)).join(', ')})   peak ${gigabytes(peakBytes)}`;
  const shape = `feature size ${report.featureSize}, ${report.size}³, batch ${report.batch}, ${report.precision}`;
  return [
    `${workload}: ${shape}, ${machine.threads} threads; seconds a ${WORKLOADS[workload]}, median of ${report.rounds} rounds`,
    line(`voco, ${report.device}`, ours),
    line('PyTorch, memory kept', tuned),
    line('PyTorch, as installed', plain),
    `ours is faster: than PyTorch with memory kept ${times(report.fasterThanTuned)}, as installed ${times(report.fasterThanPlain)}`,
    `PyTorch ${peer.torch}, ${peer.blas}, oneDNN ${peer.onednn}, ${peer.instructions}, Python ${peer.python}`,
    machineLine(machine),
  ];
}

try {
  const python = findPython(values.python);
  const say = (text) => process.stderr.write(`${text}\n`);
  const { device, precision } = values;
  const report = compare({ workload, rounds: Number(values.rounds), python, device, precision, settings, say });
  process.stdout.write(`${values.json ? JSON.stringify(report) : linesOf(report).join('\n')}\n`);
  const warning = busyWarning(report.machine);
  if (warning) say(`bench/run: ${warning}`);
} catch (error) {
  fail('bench/run', error.message);
}
