import process from 'node:process';
import { ExitCode } from '../../../errors/userError';
import type { Command } from '../command';
import { branchOption } from './import';

export const compare: Command = {
  name: 'compare',
  usage: 'voco compare FILE FILE [FILE [FILE]] [--branch student|teacher] [--json]',
  summary: 'what differs between checkpoints: configs, weights by module, scores paired over cases',
  details:
    '  FILE               a checkpoint, or weights in safetensors or of torch.save; the first is the reference\n' +
    '  --branch NAME      student (default) or teacher, of pre-training checkpoints\n' +
    '  --json             prints the whole comparison as JSON (src/protocol/compare.ts)',
  options: { branch: { type: 'string' }, json: { type: 'boolean' } },
  async run(args) {
    const branch = branchOption(args);
    const { compareCheckpoints } = await import('../../compare');
    const { comparisonText } = await import('../../compare/text');
    const say = (text: string): void => void process.stderr.write(`${text}\n`);
    const comparison = await compareCheckpoints({ files: args.positionals, branch }, say);
    process.stdout.write(args.values.json ? `${JSON.stringify(comparison)}\n` : comparisonText(comparison));
    return ExitCode.done;
  },
};
