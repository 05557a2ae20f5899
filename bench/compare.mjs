// Ours and PyTorch in turns, on the same workload with the same settings.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { describeMachine } from './machine.mjs';
import { runPeer } from './peers/python.mjs';

const root = join(import.meta.dirname, '..');

/** Workloads that both sides have, and what their times are for. */
export const WORKLOADS = { step: 'crop', inference: 'window', resenc: 'crop' };

/** @param {number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Median of the rounds, all rounds, and the largest resident set of a process. */
export function summarise(results) {
  const all = results.map(({ seconds }) => seconds);
  return { seconds: median(all), all, peakBytes: Math.max(...results.map(({ peakBytes }) => peakBytes)) };
}

/** How many times ours is faster: of the medians, and the least and the most of a round. */
export function ratio(ours, theirs) {
  const rounds = ours.all.map((seconds, round) => theirs.all[round] / seconds);
  return { median: theirs.seconds / ours.seconds, min: Math.min(...rounds), max: Math.max(...rounds) };
}

function runOurs(workload, device, precision, settings) {
  const args = ['bench', workload, '--json', '--device', device, '--precision', precision, ...settings];
  const output = execFileSync(process.execPath, [join(root, 'dist/voco.cjs'), ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const result = JSON.parse(output);
  return { ...result, seconds: (result.secondsPerCrop ?? result.secondsPerWindow).median };
}

/**
 * Each round runs `voco bench`, PyTorch with its memory kept and PyTorch as installed, one process after the other; every
 * second round in the opposite order. `settings` are options that both sides know. Checks first that the peer is the right
 * network. @throws Error when it is not, or must not be measured
 */
export function compare({ workload, rounds, python, device, precision, settings, say }) {
  const { problems } = runPeer(python, 'check.py');
  if (problems.length > 0) throw new Error(`the peer's network differs from the reference: ${problems.join('; ')}`);
  const machine = describeMachine();
  const cast = precision === 'float32' ? [] : ['--autocast'];
  const contenders = Object.entries({
    ours: () => runOurs(workload, device, precision, settings),
    tuned: () => runPeer(python, 'peer.py', [workload, ...settings, ...cast, '--tuned']),
    plain: () => runPeer(python, 'peer.py', [workload, ...settings, ...cast]),
  });
  const results = { ours: [], tuned: [], plain: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of round % 2 === 1 ? contenders : contenders.toReversed()) {
      const result = run();
      results[name].push(result);
      say(`round ${round}, ${name}: ${result.seconds.toFixed(3)} s`);
    }
  }
  const [[ours], [peer]] = [results.ours, results.plain];
  if (ours.parameters !== peer.parameters) {
    throw new Error(`the networks differ: ${ours.parameters} and ${peer.parameters} parameters`);
  }
  const [mine, tuned, plain] = [results.ours, results.tuned, results.plain].map(summarise);
  return {
    workload,
    machine: { ...machine, threads: peer.threads, voco: ours.voco },
    peer: peer.environment,
    device: ours.device,
    precision,
    featureSize: ours.featureSize,
    size: ours.size,
    batch: ours.batch,
    parameters: ours.parameters,
    rounds,
    ours: mine,
    tuned,
    plain,
    fasterThanTuned: ratio(mine, tuned),
    fasterThanPlain: ratio(mine, plain),
  };
}
