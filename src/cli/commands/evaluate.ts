import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import {
  FORCE_OPTION,
  LABELS_HELP,
  LABELS_OPTION,
  endOfSeveral,
  overridesOf,
  say,
  textOption,
  type Command,
} from '../command';

export const evaluate: Command = {
  name: 'evaluate',
  usage:
    'voco evaluate CONFIG|--run DIR [--checkpoint FILE] [--set path=value]... [--labels-on-image-grid] [--force] [--json]',
  summary: 'scores a fine-tuned network on held-out cases: results.json, results.csv, predictions/',
  details:
    '  --run DIR          a fine-tuning run: takes its config and best checkpoint, and writes the results into it\n' +
    '  --checkpoint FILE  the weights; with a config, a new run directory is made for the results\n' +
    '  --set path=value   overrides a value of the config, e.g. --set inference.flips=true; may be repeated\n' +
    LABELS_HELP +
    '  --force            replaces scores of other settings that are in the run\n' +
    '  --json             prints the result as JSON\n\n' +
    'A case that cannot be read does not end the others; the last line tells which were not scored, and the exit code is 1 unless\n' +
    'data.onBadCase is "skip".',
  options: {
    run: { type: 'string' },
    checkpoint: { type: 'string' },
    set: { type: 'string', multiple: true },
    ...LABELS_OPTION,
    ...FORCE_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    if (args.positionals.length > 1) {
      throw new UsageError(`voco evaluate: one config at a time; usage: ${evaluate.usage}`);
    }
    const { evaluate: score } = await import('../../evaluate');
    const request = {
      configFile: args.positionals[0],
      runDir: textOption(args, 'run'),
      checkpoint: textOption(args, 'checkpoint'),
      set: overridesOf(args),
      force: args.values.force === true,
    };
    const result = await score(request, say);
    process.stdout.write(args.values.json ? `${JSON.stringify(result)}\n` : `${result.results}\n`);
    const failures = result.failed.map(({ case: name }) => ({ name }));
    const exitCode = endOfSeveral(result.cases, failures);
    return result.leavesOut ? ExitCode.done : exitCode;
  },
};
