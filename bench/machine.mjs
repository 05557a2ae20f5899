// Where numbers come from: every benchmark writes it beside them.
import { spawnSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
/** Runnable processes a core, averaged over a minute, from which times are not worth keeping. */
const BUSY = 0.5;

/** The commit of the checkout, with "+" when it has changes; undefined without git. */
function commit() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const head = git('rev-parse', '--short', 'HEAD');
  if (head.status !== 0) return undefined;
  return `${head.stdout.trim()}${git('status', '--porcelain', '--untracked-files=no').stdout ? '+' : ''}`;
}

/** Processor, memory (bytes), load, versions and the day, as JSON. */
export function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    loadPerCore: loadavg()[0] / cpus().length,
    node: process.versions.node,
    commit: commit(),
  };
}

/** The same in one line. */
export function machineLine({ date, cpu, cores, memoryBytes, platform, loadPerCore, node, commit: at }) {
  const where = `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${platform}`;
  return `${where}; Node ${node}, commit ${at ?? 'unknown'}; ${date}, load ${loadPerCore.toFixed(2)} a core before`;
}

/** A warning when other work is on the machine; undefined when there is little. */
export const busyWarning = ({ loadPerCore }) =>
  loadPerCore < BUSY
    ? undefined
    : `other work is on this machine (a load of ${loadPerCore.toFixed(1)} a core): do not keep these times`;
