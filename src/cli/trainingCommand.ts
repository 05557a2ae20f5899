import process from 'node:process';
import type { ConfigKind } from '../config';
import { ExitCode, UsageError } from '../errors/userError';
import type { RunEstimate } from '../protocol/estimate';
import { describeEstimate } from '../train/describeEstimate';
import type { RunRequest } from '../train/prepare';
import type { Say } from '../train/types';
import { LABELS_HELP, LABELS_OPTION, overridesOf, say, textOption, type Command } from './command';

export interface Training {
  /** What it returns is what `--json` prints. */
  train(request: RunRequest, say: Say): Promise<{ runDir: string; exitCode: number }>;
  /** What training would take; writes nothing. */
  estimate(request: RunRequest, say: Say): Promise<RunEstimate>;
}

/** The training of configs of one kind; the trainer is brought in when it is needed, so that other commands start fast. */
export const trainingOf = (kind: ConfigKind) => async (): Promise<Training> => {
  const { estimateTraining, train } = await import('../train');
  return {
    train: (request, say) => train(kind, request, say),
    estimate: (request, say) => estimateTraining(kind, request, say),
  };
};

/** A subcommand that trains from a config, with `labels` or without. `load` brings in the trainer when it is needed, so that others start fast. */
export function trainingCommand(
  name: string,
  summary: string,
  load: () => Promise<Training>,
  { labels }: { readonly labels: boolean },
): Command {
  const ofLabels = labels ? ' [--labels-on-image-grid]' : '';
  const usage = `voco ${name} CONFIG [--set path=value]...${ofLabels} [--run DIR] [--resume [--take-over] [--from-start]] [--dry-run] [--json]`;
  return {
    name,
    usage,
    summary,
    details:
      '  --set path=value   overrides a value of the config, e.g. --set train.steps=1000; may be repeated\n' +
      (labels ? LABELS_HELP : '') +
      '  --run DIR          the run directory, instead of a new one below the config’s "output"\n' +
      '  --resume           continues the run in --run, or the newest unfinished run of the config\n' +
      '  --take-over        resumes a run that a trainer on another machine, or one that you did not start, may work on; that one stops\n' +
      '  --from-start       begins a resumed run anew where none of its checkpoints can be read; its metrics are put aside\n' +
      '  --dry-run          only checks config and data, times a few steps, and estimates memory, disk and time\n' +
      '  --json             prints the result as JSON\n\n' +
      'Ctrl-C or SIGTERM writes a checkpoint of the last finished step and ends the run, also inside of a long step or a\n' +
      'validation, which a resume does again. A second one ends it at once.',
    options: {
      set: { type: 'string', multiple: true },
      ...(labels && LABELS_OPTION),
      run: { type: 'string' },
      resume: { type: 'boolean' },
      'take-over': { type: 'boolean' },
      'from-start': { type: 'boolean' },
      'dry-run': { type: 'boolean' },
      json: { type: 'boolean' },
    },
    async run(args) {
      if (args.positionals.length > 1) throw new UsageError(`voco ${name}: one config at a time; usage: ${usage}`);
      for (const option of ['take-over', 'from-start'])
        if (args.values[option] && !args.values.resume)
          throw new UsageError(`voco ${name}: --${option} goes with --resume`);
      const training = await load();
      const request = {
        configFile: args.positionals[0],
        runDir: textOption(args, 'run'),
        resume: args.values.resume === true,
        takeOver: args.values['take-over'] === true,
        fromStart: args.values['from-start'] === true,
        set: overridesOf(args),
      };
      if (args.values['dry-run']) {
        const estimate = await training.estimate(request, say);
        const text = args.values.json ? JSON.stringify(estimate) : describeEstimate(estimate).join('\n');
        process.stdout.write(`${text}\n`);
        return ExitCode.done;
      }
      const result = await training.train(request, say);
      process.stdout.write(args.values.json ? `${JSON.stringify(result)}\n` : `${result.runDir}\n`);
      return result.exitCode;
    },
  };
}
