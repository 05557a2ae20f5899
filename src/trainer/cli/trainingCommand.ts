import process from 'node:process';
import { UsageError } from '../../errors/userError';
import type { TrainingResult } from '../run/job';
import type { RunRequest } from '../run/prepare';
import type { Say } from '../run/types';
import { listOption, textOption, type Command } from './command';

export type Training = (request: RunRequest, say: Say) => Promise<TrainingResult>;

/** A subcommand that trains from a config. `load` brings in the trainer when it is needed, so that others start fast. */
export function trainingCommand(name: string, summary: string, load: () => Promise<Training>): Command {
  const usage = `voco ${name} CONFIG [--set path=value]... [--run DIR] [--resume] [--json]`;
  return {
    name,
    usage,
    summary,
    details:
      '  --set path=value   overrides a value of the config, e.g. --set train.steps=1000; may be repeated\n' +
      '  --run DIR          the run directory, instead of a new one below the config’s "output"\n' +
      '  --resume           goes on with the run in --run, or with the newest unfinished run of the config\n' +
      '  --json             prints the result as JSON\n\n' +
      'Ctrl-C or SIGTERM writes a checkpoint and ends the run after the current step.',
    options: {
      set: { type: 'string', multiple: true },
      run: { type: 'string' },
      resume: { type: 'boolean' },
      json: { type: 'boolean' },
    },
    async run(args) {
      if (args.positionals.length > 1) throw new UsageError(`voco ${name}: one config at a time; usage: ${usage}`);
      const train = await load();
      const request = {
        configFile: args.positionals[0],
        runDir: textOption(args, 'run'),
        resume: args.values.resume === true,
        set: listOption(args, 'set'),
      };
      const result = await train(request, (text) => process.stderr.write(`${text}\n`));
      process.stdout.write(args.values.json ? `${JSON.stringify(result)}\n` : `${result.runDir}\n`);
      return result.exitCode;
    },
  };
}
