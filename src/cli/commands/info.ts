import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { Command } from '../command';

export const info: Command = {
  name: 'info',
  usage: 'voco info FILE... [--json]',
  summary: 'prints shape, spacing, orientation, datatype and intensity range of NIfTI volumes',
  options: { json: { type: 'boolean' } },
  async run(args) {
    const { describeVolume, formatDescription } = await import('../../volume');
    if (args.positionals.length === 0) throw new UsageError(`voco info: no file given; usage: ${info.usage}`);
    const found = [];
    for (const file of args.positionals) {
      const description = await describeVolume(file);
      if (args.values.json) found.push(description);
      else process.stdout.write(`${formatDescription(description)}\n`);
    }
    if (args.values.json) process.stdout.write(`${JSON.stringify(found.length === 1 ? found[0] : found, null, 2)}\n`);
    return ExitCode.done;
  },
};
