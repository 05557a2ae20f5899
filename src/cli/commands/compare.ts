import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { FeatureComparison } from '../../protocol/comparison';
import { integerOption, say, textOption, type Arguments, type Command } from '../command';
import { branchOption } from './import';

const DEFAULT_CROPS = 16;
const FEATURE_OPTIONS = ['image', 'crops', 'seed', 'device'];

async function features(args: Arguments): Promise<FeatureComparison> {
  const { Comparer } = await import('../../compare/comparer');
  const { useDevice } = await import('../../tensor/backends');
  const { ProgressBar } = await import('../../text/progressBar');
  const bar = new ProgressBar('features', 100);
  const comparer = new Comparer((text) => bar.message(text));
  const image = textOption(args, 'image')?.split(',');
  const branch = branchOption(args);
  const params = {
    files: args.positionals,
    ...(image && { image }),
    ...(branch && { branch }),
    crops: integerOption(args, 'crops', DEFAULT_CROPS, 1),
    seed: integerOption(args, 'seed', 0),
  };
  const device = await useDevice(textOption(args, 'device') ?? 'auto', {});
  bar.message(`device: ${device.name}, ${device.description}`);
  const onProgress = (done: number, total: number): void => bar.update(Math.floor((100 * done) / total));
  const found = await comparer.features(params, { signal: new AbortController().signal, onProgress });
  bar.end();
  comparer.dispose();
  return found;
}

function refuseIdleOptions({ values }: Arguments): void {
  const idle = FEATURE_OPTIONS.find((name) => values[name] !== undefined);
  if (idle !== undefined) throw new UsageError(`voco compare: --${idle} is for --features`);
}

export const compare: Command = {
  name: 'compare',
  usage:
    'voco compare FILE FILE [FILE [FILE]] [--branch student|teacher|ema] [--features [--image FILE[,FILE]] [--crops N]] [--json]',
  summary: 'compares checkpoints: configs, weights by module, scores paired over cases, features',
  details:
    '  FILE               a checkpoint or a weights file (.safetensors, .pt, .pth, .ckpt, .bin); the first is the reference\n' +
    '  --branch NAME      student (default), teacher or ema, of files that hold several networks\n' +
    '  --features         also compares the features of the encoders by stage: linear CKA on random crops\n' +
    '  --image FILE       takes the crops from this image (channels joined by commas); default: the first evaluated or held-out case\n' +
    `  --crops N          how many crops (default ${DEFAULT_CROPS})\n` +
    '  --seed N           which crops (default 0)\n' +
    '  --device NAME      where to compute\n' +
    '  --json             prints the whole comparison as JSON (src/protocol/compare.ts)\n' +
    '  --serve            answers requests on standard input, for the editor (src/protocol/compare.ts)',
  options: {
    branch: { type: 'string' },
    features: { type: 'boolean' },
    image: { type: 'string' },
    crops: { type: 'string' },
    seed: { type: 'string' },
    device: { type: 'string' },
    json: { type: 'boolean' },
    serve: { type: 'boolean' },
  },
  async run(args) {
    if (args.values.serve) {
      const { serveComparison } = await import('../../compare/serve');
      await serveComparison(textOption(args, 'device') ?? 'auto', process.stdin, process.stdout);
      return ExitCode.done;
    }
    if (!args.values.features) refuseIdleOptions(args);
    const branch = branchOption(args);
    const { compareCheckpoints } = await import('../../compare');
    const { comparisonText } = await import('../../compare/text');
    const comparison = await compareCheckpoints({ files: args.positionals, branch }, say);
    const whole = args.values.features ? { ...comparison, features: await features(args) } : comparison;
    process.stdout.write(args.values.json ? `${JSON.stringify(whole)}\n` : comparisonText(whole));
    return ExitCode.done;
  },
};
