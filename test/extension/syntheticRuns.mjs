// Run directories as a finished training leaves them, without the hours of training.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes a run directory with `steps` steps of plausible metrics; `patch` overrides parts of run.json, `config` is its config. The
 * embeddings of a `collapsed` run are alike in its last quarter.
 */
export function writeRun(root, name, options = {}) {
  const { steps = 2000, phase = 'finished', seed = 1, patch = {}, config, collapsed = false } = options;
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true });
  let state = seed;
  const noise = () => (state = (state * 16807) % 2147483647) / 2147483647 - 0.5;
  const lines = [];
  for (let step = 1; step <= steps; step++) {
    const progress = step / steps;
    const positive = 0.55 * Math.exp(-4 * progress) + 0.08 + 0.06 * noise();
    const negative = 0.3 * Math.exp(-3 * progress) + 0.04 + 0.04 * noise();
    const regularizer = 0.2 * Math.exp(-6 * progress) + 0.02 + 0.02 * noise();
    const record = {
      step,
      loss: positive + negative + regularizer,
      positive,
      negative,
      regularizer,
      accuracy: Math.min(1, Math.max(0, 0.2 + 0.7 * progress + 0.2 * noise())),
      baseSimilarity: 0.5 - 0.3 * progress + 0.05 * noise(),
      featureStd: (0.8 + 0.05 * noise()) * (collapsed && progress > 0.75 ? 0.01 : 1),
      gradientNorm: 20 * Math.exp(-3 * progress) * (1 + noise()),
      learningRate: 1e-4 * Math.min(1, step / (steps / 20)) * 0.5 * (1 + Math.cos(Math.PI * progress)),
      cropsPerSecond: 40 + 10 * noise(),
      secondsPerStep: 0.5 + 0.1 * noise(),
      memoryBytes: 1.2e9 + 1e7 * noise(),
    };
    if (step % Math.max(1, Math.floor(steps / 20)) === 0) record['validation/loss'] = record.loss * 1.1;
    if (step === Math.floor(steps * 0.7) && seed === 2) record.loss = 'NaN';
    lines.push(JSON.stringify(record));
  }
  writeFileSync(join(dir, 'metrics.jsonl'), `${lines.join('\n')}\n`);
  writeFileSync(join(dir, 'log.txt'), '2026-01-01T00:00:00.000Z started\n2026-01-01T01:00:00.000Z ended\n');
  const run = {
    format: 1,
    name: name.replace(/-\d+-\d+$/, ''),
    kind: 'pretrain',
    state: phase,
    step: steps,
    totalSteps: steps,
    created: new Date(Date.UTC(2026, 0, seed)).toISOString(),
    started: new Date(Date.UTC(2026, 0, seed)).toISOString(),
    ended: new Date(Date.UTC(2026, 0, seed, 1)).toISOString(),
    loss: 0.14,
    device: 'onednn',
    ...patch,
  };
  if (config) writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
  writeFileSync(join(dir, 'run.json'), JSON.stringify(run));
  return dir;
}
