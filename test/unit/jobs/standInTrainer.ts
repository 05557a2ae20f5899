// A trainer that trains nothing: the run directory, signals and control socket of the real one, in milliseconds. Bundled
// and started as a process by the tests.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ControlServer } from '../../../src/runs/control';
import { MetricsWriter } from '../../../src/runs/metrics';
import { readRunConfig, RunStateFile } from '../../../src/runs/runDirectory';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { run: { type: 'string' }, resume: { type: 'boolean' } },
});
const runDir = values.run!;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Behaviour {
  readonly train: { readonly steps: number };
  readonly refuse?: string;
  readonly stepMs?: number;
}

async function main(): Promise<void> {
  if (positionals[1]) JSON.parse(readFileSync(positionals[1], 'utf8'));
  const config = (await readRunConfig(runDir)) as Behaviour;
  if (config.refuse) {
    process.stderr.write(`${config.refuse}\n`);
    process.exit(1);
  }
  const file = await RunStateFile.open(runDir);
  const first = values.resume ? file.state.step : 0;
  await file.claim({ device: 'cpu', ...(values.resume && { resumedAt: [first] }) });
  let paused = false;
  let stopping = false;
  const control = await ControlServer.start(runDir, async (command) => {
    if (command === 'pause' || command === 'resume') paused = command === 'pause';
    if (command === 'stop') stopping = true;
    if (command !== 'status') await file.update({ state: stopping ? 'stopping' : paused ? 'paused' : 'running' });
    return { state: file.state.state, step: file.state.step, totalSteps: config.train.steps };
  });
  const metrics = await MetricsWriter.open(runDir, { resumeStep: first });
  await file.update({ state: 'running', control: control.address });
  for (let step = first + 1; step <= config.train.steps && !stopping; step++) {
    do await sleep(config.stepMs ?? 10);
    while (paused && !stopping);
    await metrics.append({ step, loss: 1 / step });
    await file.update({ step });
  }
  await metrics.close();
  await file.update({ state: stopping ? 'interrupted' : 'finished', ended: new Date().toISOString() });
  await control.close();
  process.exit(stopping ? 130 : 0);
}

void main();
