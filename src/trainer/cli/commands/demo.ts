import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { writeFileAtomically } from '../../../files/atomic';
import { ProgressBar } from '../../progress';
import { integerOption, listOption, textOption, type Command } from '../command';

const DEMO_CASES = 16;
const DEMO_SIZE = [128, 128, 64] as [number, number, number];

async function sampleData(folder: string): Promise<string> {
  const { makePhantom } = await import('../../../data/phantom');
  const datalist = join(folder, 'dataset_0.json');
  if (existsSync(datalist)) return datalist;
  process.stderr.write(`making ${DEMO_CASES} synthetic abdominal CT volumes in ${folder}\n`);
  const bar = new ProgressBar('phantom', DEMO_CASES);
  await makePhantom({
    out: folder,
    cases: DEMO_CASES,
    seed: 0,
    size: DEMO_SIZE,
    onProgress: (done: number) => bar.update(done),
  });
  bar.end();
  return datalist;
}

export const demo: Command = {
  name: 'demo',
  usage: 'voco demo [--out DIR] [--steps N] [--set path=value]...',
  summary: 'makes sample data, pre-trains on it and shows where the run is (a few minutes on 2 cores)',
  options: {
    out: { type: 'string' },
    steps: { type: 'string' },
    set: { type: 'string', multiple: true },
  },
  async run(args) {
    const { presetText } = await import('../../../config');
    const { pretrain } = await import('../../pretrain');
    const steps = integerOption(args, 'steps', 0, 1);
    const folder = resolve(textOption(args, 'out') ?? 'sample-data');
    const datalist = await sampleData(join(folder, 'phantom'));
    const configFile = join(folder, 'demo.voco.json');
    if (!existsSync(configFile)) {
      await writeFileAtomically(configFile, presetText('demo', { data: relative(dirname(configFile), datalist) }));
    }
    const set = [...listOption(args, 'set'), ...(steps > 0 ? [`train.steps=${steps}`] : [])];
    const result = await pretrain({ configFile, resume: false, set }, (text) => process.stderr.write(`${text}\n`));
    process.stdout.write(
      [
        `run:    ${result.runDir}`,
        `plot:   ${result.plot}`,
        `config: ${configFile} (edit it and run: voco pretrain ${relative(process.cwd(), configFile)})`,
        '',
      ].join('\n'),
    );
    return result.exitCode;
  },
};
