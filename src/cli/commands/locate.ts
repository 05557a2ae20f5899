import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { LocateReport } from '../../protocol/locate';
import { FORCE_OPTION, integerOption, say, textOption, type Command } from '../command';

const DEFAULT_POSITIONS = 96;

const percent = (share: number): string => `${Math.round(100 * share)} %`;
const mm = (value: number | null): string => (value === null ? 'no answer' : `${value.toFixed(1)} mm`);

function describe({ checkpoint, step, image, summary }: LocateReport): string {
  const lines = [
    `${checkpoint} (step ${step}) on ${image.join(', ')}`,
    `position accuracy  ${percent(summary.accuracy)} of ${summary.positions} random crops`,
    `distance           ${mm(summary.meanDistance)} mean, ${mm(summary.medianDistance)} median; guessing the middle: ${mm(summary.guessDistance)}`,
    `|label − answer|   ${summary.difference.toFixed(4)}`,
  ];
  if (summary.unanswered > 0) lines.push(`without an answer  ${summary.unanswered}`);
  return `${lines.join('\n')}\n`;
}

export const locate: Command = {
  name: 'locate',
  usage:
    'voco locate --checkpoint FILE [CONFIG] [--case ID | --image FILE[,FILE]] [--positions N] [--out DIR] [--force] [--json]',
  summary: 'asks a pre-trained network where random crops of an image lie: accuracy, distances, an error map',
  details:
    '  CONFIG             preprocessing, grid and cases to use; default: those of the run that wrote the checkpoint\n' +
    '  --checkpoint FILE  a checkpoint of voco pretrain\n' +
    '  --case ID          a case of the config (default: the first held-out case)\n' +
    '  --image FILE       any image instead; files of several channels are joined by commas\n' +
    `  --positions N      how many random crops (default ${DEFAULT_POSITIONS})\n` +
    '  --seed N           seed of the random crops (default 0); the same crops for every checkpoint\n' +
    '  --device NAME      where to compute\n' +
    '  --out DIR          writes locate.json, and error.nii.gz as an overlay for the image\n' +
    '  --force            replaces files of these names that are there already\n' +
    '  --json             prints the whole report as JSON\n' +
    '  --serve            answers requests on standard input, for the editor (src/protocol/locate.ts, src/protocol/answers.ts)',
  options: {
    checkpoint: { type: 'string' },
    case: { type: 'string' },
    image: { type: 'string' },
    positions: { type: 'string' },
    seed: { type: 'string' },
    device: { type: 'string' },
    out: { type: 'string' },
    ...FORCE_OPTION,
    json: { type: 'boolean' },
    serve: { type: 'boolean' },
  },
  async run(args) {
    if (args.values.serve) {
      const { serveAnswers } = await import('../../answer/serve');
      await serveAnswers(textOption(args, 'device') ?? 'auto', process.stdin, process.stdout);
      return ExitCode.done;
    }
    const checkpoint = textOption(args, 'checkpoint');
    if (!checkpoint) throw new UsageError(`voco locate: --checkpoint is missing; usage: ${locate.usage}`);
    if (args.positionals.length > 1) throw new UsageError(`voco locate: one config at a time; usage: ${locate.usage}`);
    const [caseId, image] = [textOption(args, 'case'), textOption(args, 'image')];
    if (caseId !== undefined && image !== undefined) throw new UsageError('voco locate: either --case or --image');
    const job = {
      checkpoint,
      configFile: args.positionals[0],
      caseId,
      image: image?.split(','),
      positions: integerOption(args, 'positions', DEFAULT_POSITIONS, 1),
      seed: integerOption(args, 'seed', 0),
      device: textOption(args, 'device'),
      out: textOption(args, 'out'),
      force: args.values.force === true,
    };
    const { locate: run } = await import('../../locate');
    const report = await run(job, say).catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
      say('interrupted');
      return undefined;
    });
    if (!report) return ExitCode.interrupted;
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : describe(report));
    return ExitCode.done;
  },
};
