// Where numbers come from: every benchmark writes it beside them.
import { spawnSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
/** Share of the cores that other work may take before times are not worth keeping. */
const BUSY = 0.1;
/** How long is looked, ms. */
const SAMPLE = 1000;

/** The commit of the checkout, with "+" when it has changes; undefined without git. */
function commit() {
  const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  const head = git('rev-parse', '--short', 'HEAD');
  if (head.status !== 0) return undefined;
  // What publish.mjs writes to the pages changes no program.
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', '.', ':!docs').stdout;
  return `${head.stdout.trim()}${changes ? '+' : ''}`;
}

/** Share of the cores (0 to 1) that something else takes. The load average would count what we ourselves ran a minute ago. */
function otherWork() {
  const sum = (of) => cpus().reduce((total, { times }) => total + of(times), 0);
  const look = () => [sum(({ idle }) => idle), sum((times) => Object.values(times).reduce((a, b) => a + b))];
  const [idleBefore, before] = look();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SAMPLE);
  const [idle, all] = look();
  return Math.max(0, 1 - (idle - idleBefore) / (all - before));
}

/** Processor, memory (bytes), other work, versions and the day, as JSON. Call it before the work starts; takes a second. */
export function describeMachine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    otherWork: otherWork(),
    node: process.versions.node,
    commit: commit(),
  };
}

/** The same in one line. */
export function machineLine({ date, cpu, cores, memoryBytes, platform, otherWork: busy, node, commit: at }) {
  const where = `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${platform}`;
  return `${where}; Node ${node}, commit ${at ?? 'unknown'}; ${date}; other work: ${(100 * busy).toFixed(0)} % of the cores`;
}

/** A warning when other work is on the machine; undefined when there is little. */
export const busyWarning = ({ otherWork: busy }) =>
  busy < BUSY
    ? undefined
    : `other work takes ${(100 * busy).toFixed(0)} % of this machine's cores: do not keep these times`;
