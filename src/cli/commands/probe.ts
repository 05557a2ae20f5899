import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { ProbeTask } from '../../protocol/probe';
import { FORCE_OPTION, integerOption, say, textOption, tripleOption, type Arguments, type Command } from '../command';
import { branchOption } from './import';

const DEFAULT_SEEDS = 5;
const DEFAULT_CROPS = 1000;
const LEAST_CROPS = 10;
const TASKS: readonly ProbeTask[] = ['organ', 'position'];

function taskOption(args: Arguments): ProbeTask | undefined {
  const text = textOption(args, 'task');
  const task = TASKS.find((known) => known === text);
  if (text === undefined || task) return task;
  throw new UsageError(`voco probe: unknown task "${text}"; tasks: ${TASKS.join(', ')}`);
}

function cropOption(args: Arguments): [number, number, number] | undefined {
  const crop = tripleOption(args, 'crop');
  if (crop && !crop.every(Number.isInteger))
    throw new UsageError(`--crop must be three whole numbers of voxels, not "${textOption(args, 'crop')}"`);
  return crop;
}

export const probe: Command = {
  name: 'probe',
  usage:
    'voco probe RUN|FILE... [--checkpoint best|last|FILE] [--config CONFIG] [--data LIST] [--task organ|position] [--seeds N] [--out FILE.json] [--json]',
  summary: 'tests frozen features: a linear probe of a network against one of random weights',
  details:
    '  RUN, FILE          a run, or a file of weights; several are one for each seed (pre-trainings with several seeds)\n' +
    '  --checkpoint WHICH of a run: last (default), best, or a file of weights for its network\n' +
    '  --config CONFIG    network, data and preprocessing of weights that carry no config\n' +
    '  --branch NAME      student (default), teacher or ema, of files that hold several networks\n' +
    '  --data LIST        a list of volumes or a folder of them; default: those of the run\n' +
    '  --task NAME        organ: which organ lies at the middle of a crop (needs label maps); position: in which third of its\n' +
    '                     volume a crop lies along each axis; default: organ where enough cases have labels,\n' +
    '                     else position\n' +
    `  --seeds N          how many times, with other crops, another split and other random weights (default ${DEFAULT_SEEDS})\n` +
    '  --seed N           the first seed (default 0)\n' +
    `  --crops N          crops under each seed, over all volumes (default ${DEFAULT_CROPS})\n` +
    '  --crop X,Y,Z       their size in voxels of a preprocessed volume; default: as the network was trained on\n' +
    '  --device NAME      where to compute\n' +
    '  --out FILE.json    writes the report with all settings\n' +
    '  --force            replaces that file\n' +
    '  --json             prints the report as JSON (src/protocol/probe.ts)\n\n' +
    'Both networks see the same crops. A volume trains the probe or tests it, never both.',
  options: {
    checkpoint: { type: 'string' },
    config: { type: 'string' },
    branch: { type: 'string' },
    data: { type: 'string' },
    task: { type: 'string' },
    seeds: { type: 'string' },
    seed: { type: 'string' },
    crops: { type: 'string' },
    crop: { type: 'string' },
    device: { type: 'string' },
    out: { type: 'string' },
    ...FORCE_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    const { positionals } = args;
    if (positionals.length === 0) throw new UsageError(`voco probe: name a run or weights; usage: ${probe.usage}`);
    const job = {
      paths: positionals,
      checkpoint: textOption(args, 'checkpoint'),
      configFile: textOption(args, 'config'),
      branch: branchOption(args),
      data: textOption(args, 'data'),
      task: taskOption(args),
      seeds: integerOption(args, 'seeds', positionals.length > 1 ? positionals.length : DEFAULT_SEEDS, 1),
      seed: integerOption(args, 'seed', 0),
      crops: integerOption(args, 'crops', DEFAULT_CROPS, LEAST_CROPS),
      crop: cropOption(args),
      device: textOption(args, 'device'),
      out: textOption(args, 'out'),
      force: args.values.force === true,
    };
    const { probeRun } = await import('../../probe');
    const { probeText } = await import('../../probe/text');
    const report = await probeRun(job, say);
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : probeText(report));
    return ExitCode.done;
  },
};
