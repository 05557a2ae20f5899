import { extname } from 'node:path';
import process from 'node:process';
import { ExitCode, UsageError } from '../../../errors/userError';
import type { ExportFormat } from '../../../runs/export';
import { onlyPositional, textOption, type Arguments, type Command } from '../command';
import { branchOption } from './import';

function formatOption(args: Arguments, out: string): ExportFormat {
  const given = textOption(args, 'to') ?? extname(out).slice(1);
  if (given === 'pt' || given === 'safetensors') return given;
  if (given === 'pth') return 'pt';
  throw new UsageError(`voco export: --to must be pt or safetensors, not "${given}"`);
}

export const exportWeights: Command = {
  name: 'export',
  usage: 'voco export FILE --out FILE [--to pt|safetensors] [--branch student|teacher] [--json]',
  summary: 'writes a checkpoint’s weights for PyTorch and MONAI, with a model card',
  details:
    '  FILE           a checkpoint of voco pretrain or voco finetune\n' +
    '  --out FILE     the file to write; the model card is FILE.md beside it\n' +
    '  --to FORMAT    pt (torch.load) or safetensors; by default what the name of --out says\n' +
    '  --branch NAME  student (default) or teacher, of a pre-training checkpoint\n' +
    '  --json         prints what was written as JSON\n\n' +
    'Of a pre-training checkpoint the encoder is written alone, named as in the released VoCo_*_SSL_head.pt files.',
  options: {
    out: { type: 'string' },
    to: { type: 'string' },
    branch: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const file = onlyPositional(exportWeights, args, 'the checkpoint');
    const out = textOption(args, 'out');
    if (!out) throw new UsageError(`voco export: --out is missing; usage: ${exportWeights.usage}`);
    const format = formatOption(args, out);
    const branch = branchOption(args);
    const { exportWeights: run } = await import('../../../runs/export');
    const { countCases } = await import('../../weights/exportFile');
    const report = await run({ file, out, format, branch, countCases });
    const modules = Object.entries(report.modules).map(([name, { tensors }]) => `${name} ${tensors}`);
    const side = report.branch ? `the ${report.branch}’s encoder, ` : '';
    process.stderr.write(`${side}${report.tensors} tensors (${modules.join(', ')}); model card ${report.card}\n`);
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : `${out}\n`);
    return ExitCode.done;
  },
};
