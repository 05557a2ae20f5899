import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import type { PresetName } from '../../config';
import { ExitCode } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { ProgressBar } from '../../text/progressBar';
import { integerOption, listOption, say, textOption, type Arguments, type Command } from '../command';

const DEMO_SIZE = [128, 128, 64] as [number, number, number];
/** A fifth of them is held out. */
const DEMO_CASES = 16;
/** Most are there for pre-training, which needs no labels; a fifth is held out. */
const STUDY_CASES = 60;
const STUDY_SEEDS = 3;

async function sampleData(folder: string, cases: number): Promise<string> {
  const { makePhantom } = await import('../../data/phantom');
  const datalist = join(folder, 'dataset_0.json');
  if (existsSync(datalist)) return datalist;
  say(`making ${cases} synthetic abdominal CT volumes in ${folder}`);
  const bar = new ProgressBar('phantom', cases);
  await makePhantom({
    out: folder,
    cases,
    seed: 0,
    size: DEMO_SIZE,
    onProgress: (done: number) => bar.update(done),
  });
  bar.end();
  return datalist;
}

/** A config of a preset in the demo's folder; one that is there, perhaps edited, stays. */
async function configOf(folder: string, preset: PresetName, datalist: string): Promise<string> {
  const { presetText } = await import('../../config');
  const file = join(folder, `${preset}.voco.json`);
  if (!existsSync(file)) {
    await writeFileAtomically(file, presetText(preset, { data: relative(dirname(file), datalist) }));
  }
  return file;
}

const stepsSet = (steps: number): string[] => (steps > 0 ? [`train.steps=${steps}`] : []);

async function pretraining(folder: string, steps: number, set: readonly string[]): Promise<number> {
  const { train } = await import('../../train');
  const datalist = await sampleData(join(folder, 'phantom'), DEMO_CASES);
  const configFile = await configOf(folder, 'demo', datalist);
  const result = await train('pretrain', { configFile, resume: false, set: [...set, ...stepsSet(steps)] }, say);
  process.stdout.write(
    [
      `run:    ${result.runDir}`,
      `plot:   ${result.plot}`,
      `config: ${configFile} (edit it and run: voco pretrain ${relative(process.cwd(), configFile)})`,
      '',
    ].join('\n'),
  );
  return result.exitCode;
}

/** Pre-trains a small U-Net and compares fine-tuning from it with scratch. */
async function labelStudy(folder: string, steps: number, seeds: number, set: readonly string[]): Promise<number> {
  const { train } = await import('../../train');
  const { describeStudy, study } = await import('../../study');
  const { latestCheckpoint, readStudy } = await import('../../runs');
  const datalist = await sampleData(join(folder, 'phantom-study'), STUDY_CASES);
  const configFile = await configOf(folder, 'demo-unet', datalist);
  const first = await train('pretrain', { configFile, resume: false, set: [...set, ...stepsSet(steps)] }, say);
  if (first.exitCode !== ExitCode.done) return first.exitCode;
  const checkpoint = (await latestCheckpoint(first.runDir))!.file;
  const studyConfig = await configOf(folder, 'demo-study', datalist);
  const seedList = JSON.stringify(Array.from({ length: seeds }, (_, seed) => seed));
  const changes = [`init.checkpoint=${checkpoint}`, `study.seeds=${seedList}`, ...stepsSet(steps)];
  const result = await study({ configFile: studyConfig, resume: false, set: changes }, say);
  const lines = describeStudy(await readStudy(result.runDir));
  const goOn = `voco study --run ${relative(process.cwd(), result.runDir)} --resume`;
  process.stdout.write(
    [
      ...lines,
      `pre-training: ${first.runDir}`,
      `study:        ${result.runDir}${result.outcome === 'interrupted' ? ` (go on: ${goOn})` : ''}`,
      `plot:         ${result.plot}`,
      '',
    ].join('\n'),
  );
  return result.exitCode;
}

const seedsOf = (args: Arguments): number => integerOption(args, 'seeds', STUDY_SEEDS, 1);

export const demo: Command = {
  name: 'demo',
  usage: 'voco demo [--finetune [--seeds N]] [--out DIR] [--steps N] [--set path=value]...',
  summary: 'makes sample data, pre-trains on it and shows where the run is (a few minutes on 2 cores)',
  details:
    '  --finetune         also compares fine-tuning from the checkpoint with scratch, on 1, 2 and 4 labelled cases\n' +
    '                     (voco study; a small U-Net, about 20 minutes on 2 cores)\n' +
    '  --seeds N          repeats the comparison with N seeds (default 3)\n' +
    '  --out DIR          folder for data, configs and runs (default sample-data)\n' +
    '  --steps N          the length of each run\n' +
    '  --set path=value   overrides a value of the pre-training config; may be repeated',
  options: {
    finetune: { type: 'boolean' },
    seeds: { type: 'string' },
    out: { type: 'string' },
    steps: { type: 'string' },
    set: { type: 'string', multiple: true },
  },
  async run(args) {
    const steps = integerOption(args, 'steps', 0, 1);
    const seeds = seedsOf(args);
    const folder = resolve(textOption(args, 'out') ?? 'sample-data');
    const set = listOption(args, 'set');
    return args.values.finetune ? labelStudy(folder, steps, seeds, set) : pretraining(folder, steps, set);
  },
};
