import process from 'node:process';
import { resolve } from 'node:path';
import { ExitCode, UsageError } from '../../../errors/userError';
import { ProgressBar } from '../../progress';
import { integerOption, textOption, tripleOption, type Command } from '../command';

export const phantom: Command = {
  name: 'phantom',
  usage: 'voco phantom --out DIR [--cases N] [--seed S] [--size X,Y,Z] [--spacing X,Y,Z]',
  summary: 'makes a BTCV-shaped dataset of synthetic abdominal CT with 13 labelled organs',
  options: {
    out: { type: 'string' },
    cases: { type: 'string' },
    seed: { type: 'string' },
    size: { type: 'string' },
    spacing: { type: 'string' },
  },
  async run(args) {
    const out = textOption(args, 'out');
    if (!out) throw new UsageError(`voco phantom: --out is missing; usage: ${phantom.usage}`);
    const { makePhantom } = await import('../../../data/phantom');
    const cases = integerOption(args, 'cases', 12, 1);
    const bar = new ProgressBar('phantom', cases);
    const { datalist } = await makePhantom({
      out: resolve(out),
      cases,
      seed: integerOption(args, 'seed', 0),
      size: tripleOption(args, 'size'),
      spacing: tripleOption(args, 'spacing'),
      onProgress: (done: number) => bar.update(done),
    });
    bar.end();
    process.stdout.write(`${datalist}\n`);
    return ExitCode.done;
  },
};
