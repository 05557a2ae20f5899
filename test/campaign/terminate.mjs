/**
 * SIGTERM (what a cluster sends) at random moments during the validation of a training, while its volumes are prepared, and during an
 * evaluation. Each ends by itself with exit code 130 and within 10 s, its checkpoints are whole, and the work can be gone on with.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkpoint, environment, makeStand } from './stand.mjs';
import { stepsOf, temporariesBelow, treeOf, unreadableIn } from './trees.mjs';
import { INTERNAL, lastWords, random, start, voco } from './voco.mjs';

const MOST_MS = 10_000;
const SLOW = ['--set', 'inference.overlap=0.9', '--set', 'data.preprocess.spacing=[4,4,4]'];
const QUICK = ['--set', 'inference.overlap=0', '--set', 'train.steps=4'];

/** What is interrupted, how its moment is recognised, and how it is gone on with. */
const phases = {
  validation: {
    args: ['finetune', 'finetune.voco.json', '--run', 'out', '--set', 'train.validateEvery=2', ...SLOW],
    run: () => 'out',
    at: ({ activity }) => /^validating/.test(activity?.what ?? ''),
    again: ['finetune', '--run', 'out', '--resume', ...QUICK],
    steps: 4,
  },
  'cache build': {
    args: ['pretrain', 'pretrain.voco.json', '--run', 'out', '--set', 'data.preprocess.resize=[256,256,256]'],
    run: () => 'out',
    at: ({ state, step }, folder) => state === 'running' && step === 0 && existsSync(join(folder, 'cache')),
    // More steps than may be done between the moment and the signal.
    again: ['pretrain', '--run', 'out', '--resume', '--set', 'train.steps=40'],
    steps: 40,
  },
  evaluation: {
    args: ['evaluate', 'finetune.voco.json', '--checkpoint', checkpoint('fine', 8), ...SLOW],
    run: (folder) => existsSync(join(folder, 'runs')) && join('runs', readdirSync(join(folder, 'runs'))[0] ?? ''),
    at: ({ activity }) => activity !== undefined,
    again: ['evaluate', 'finetune.voco.json', '--checkpoint', checkpoint('fine', 8), '--set', 'inference.overlap=0'],
  },
};

function stateOf(stand, { run }) {
  const place = run(stand.folder);
  try {
    return place && JSON.parse(readFileSync(join(stand.folder, place, 'run.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Waits for the moment; false when the process ended before. */
async function reach(stand, phase, child) {
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) return false;
    const state = stateOf(stand, phase);
    if (state && phase.at(state, stand.folder)) return true;
    await sleep(20);
  }
}

/** What is wrong with how the work is gone on with. */
async function continued(stand, phase) {
  const ended = await voco(phase.again, { cwd: stand.folder, env: environment(stand.folder) });
  if (ended.code !== 0) return [`voco ${phase.again.join(' ')}: ${lastWords(ended)}`];
  if (phase.steps === undefined) return [];
  const steps = stepsOf(join(stand.folder, 'out/metrics.jsonl')).map((line) => JSON.parse(line).step);
  const whole = steps.length === phase.steps && steps.every((step, i) => step === i + 1);
  return whole ? [] : [`steps ${steps.join(' ')} instead of 1 to ${phase.steps}`];
}

async function trial(stand, phase, next, limit) {
  stand.renew();
  const { child, ended } = start(phase.args, { cwd: stand.folder, env: environment(stand.folder) });
  const met = await reach(stand, phase, child);
  await sleep(next() * 400);
  const asked = performance.now();
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000);
  const how = await ended;
  clearTimeout(timer);
  const ms = performance.now() - asked;
  if (!met) return { ms: 0, faults: [`ended before its moment: ${lastWords(how)}`] };
  const faults = [
    ...(how.code === 130 ? [] : [lastWords(how)]),
    ...(ms > limit ? [`took ${(ms / 1000).toFixed(1)} s`] : []),
    ...(INTERNAL.test(how.error) ? [`said ${how.error.slice(0, 500)}`] : []),
    ...unreadableIn(treeOf(stand.folder)),
    ...temporariesBelow(stand.folder).map((name) => `${name} is left behind`),
  ];
  return { ms, faults: [...faults, ...(await continued(stand, phase))] };
}

/**
 * @param {{ stand?: object, count?: number, seed?: number, limit?: number, only?: string[], onTrial?: (text: string) => void }} options `count`: signals of each
 *   phase; `limit`: milliseconds
 */
export async function run({ stand: given, count = 20, seed = 1, limit = MOST_MS, only, onTrial = () => undefined }) {
  const next = random(seed);
  const chosen = Object.entries(phases).filter(([name]) => !only || only.includes(name));
  const stand = given ?? (await makeStand());
  const result = { planned: count * chosen.length, done: 0, slowest: {}, faults: [] };
  for (const [name, phase] of chosen) {
    for (let i = 0; i < count; i++) {
      const { ms, faults } = await trial(stand, phase, next, limit);
      result.done += 1;
      result.slowest[name] = Math.max(result.slowest[name] ?? 0, Math.round(ms));
      result.faults.push(...faults.map((fault) => ({ phase: name, trial: i, fault })));
      onTrial(`terminate: ${name}: ${(ms / 1000).toFixed(1)} s${faults.length > 0 ? ` FAILED: ${faults[0]}` : ''}`);
    }
  }
  if (!given) stand.remove();
  return result;
}
