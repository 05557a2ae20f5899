import process from 'node:process';
import { listOption, textOption, type Command } from '../command';
import { UsageError } from '../../../errors/userError';

export const pretrain: Command = {
  name: 'pretrain',
  usage: 'voco pretrain CONFIG [--set path=value]... [--run DIR] [--resume] [--json]',
  summary: 'pre-trains a network with VoCo',
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
    if (args.positionals.length > 1)
      throw new UsageError(`voco pretrain: one config at a time; usage: ${pretrain.usage}`);
    const { pretrain: train } = await import('../../pretrain');
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
