import process from 'node:process';
import { resolve } from 'node:path';
import type { PhantomTask } from '../../data/phantom';
import { ExitCode, UsageError } from '../../errors/userError';
import { ProgressBar } from '../../text/progressBar';
import { FORCE_OPTION, integerOption, textOption, tripleOption, type Command } from '../command';

export const phantom: Command = {
  name: 'phantom',
  usage: 'voco phantom --out DIR [--task NAME] [--cases N] [--seed S] [--size X,Y,Z] [--spacing X,Y,Z] [--force]',
  summary: 'makes a dataset of synthetic volumes: abdominal CT with 13 labelled organs, or the images of another task',
  details:
    '  --task NAME  btcv (default), lits, spleen, mm-whs, brats21 (4 channels) or cc-ccii (one class a volume)\n' +
    '  --force      replaces a dataset that is in the folder\n\n' +
    'The same command goes on with a dataset that was interrupted.',
  options: {
    out: { type: 'string' },
    task: { type: 'string' },
    cases: { type: 'string' },
    seed: { type: 'string' },
    size: { type: 'string' },
    spacing: { type: 'string' },
    ...FORCE_OPTION,
  },
  async run(args) {
    const out = textOption(args, 'out');
    if (!out) throw new UsageError(`voco phantom: --out is missing; usage: ${phantom.usage}`);
    const { makePhantom, makeTaskPhantom, TASK_CASES } = await import('../../data/phantom');
    const cases = integerOption(args, 'cases', 12, 1);
    const bar = new ProgressBar('phantom', cases);
    const common = {
      out: resolve(out),
      cases,
      seed: integerOption(args, 'seed', 0),
      size: tripleOption(args, 'size'),
      force: args.values.force === true,
      onProgress: (done: number) => bar.update(done),
    };
    const spacing = tripleOption(args, 'spacing');
    const name = textOption(args, 'task') ?? 'btcv';
    const task = (Object.keys(TASK_CASES) as PhantomTask[]).find((known) => known === name);
    if (!task && name !== 'btcv') {
      throw new UsageError(`voco phantom: unknown task "${name}"; tasks: btcv, ${Object.keys(TASK_CASES).join(', ')}`);
    }
    if (task && spacing)
      throw new UsageError('voco phantom: --spacing is for task btcv only; the others follow --size');
    const { datalist } = task ? await makeTaskPhantom({ ...common, task }) : await makePhantom({ ...common, spacing });
    bar.end();
    process.stdout.write(`${datalist}\n`);
    return ExitCode.done;
  },
};
