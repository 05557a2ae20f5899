import { extname } from 'node:path';
import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { ExportReport, WeightsFormat } from '../../runs/export';
import { FORCE_OPTION, onlyPositional, textOption, type Arguments, type Command } from '../command';
import { branchOption } from './import';
import { counted } from '../../text';

function formatOption(args: Arguments, out: string): WeightsFormat | 'onnx' {
  const given = textOption(args, 'to') ?? extname(out).slice(1);
  if (given === 'pt' || given === 'safetensors' || given === 'onnx') return given;
  if (given === 'pth') return 'pt';
  throw new UsageError(`voco export: --to must be pt, safetensors or onnx, not "${given}"`);
}

function describe(report: ExportReport): string {
  const modules = Object.entries(report.modules).map(([name, { tensors }]) => `${name} ${tensors}`);
  const side = report.branch ? `the ${report.branch}’s encoder, ` : '';
  return `${side}${counted(report.tensors, 'tensor')} (${modules.join(', ')}); model card ${report.card}`;
}

async function exportNetwork(args: Arguments, file: string, out: string): Promise<ExportReport> {
  if (args.values.branch !== undefined)
    throw new UsageError('voco export: --branch is for the weights of a pre-training, which ONNX does not take');
  const { exportOnnx } = await import('../../convert/exportOnnx');
  const configFile = textOption(args, 'config');
  const report = await exportOnnx({ file, out, force: args.values.force === true, ...(configFile && { configFile }) });
  const beside = report.files.length > 1 ? `; weights in ${report.files[1]}` : '';
  process.stderr.write(`ONNX opset ${report.opset}, ${report.nodes} nodes, checked${beside}\n`);
  return report;
}

async function exportState(args: Arguments, file: string, out: string, format: WeightsFormat): Promise<ExportReport> {
  if (args.values.config !== undefined) throw new UsageError('voco export: --config is for ONNX only');
  const branch = branchOption(args);
  const { exportWeights: run } = await import('../../runs/export');
  const { countCases } = await import('../../convert/exportFile');
  return run({ file, out, format, branch, countCases, force: args.values.force === true });
}

export const exportWeights: Command = {
  name: 'export',
  usage:
    'voco export FILE --out FILE [--to pt|safetensors|onnx] [--branch student|teacher|ema] [--config CONFIG] [--force] [--json]',
  summary: 'writes a checkpoint for PyTorch and MONAI, or for ONNX Runtime, with a model card',
  details:
    '  FILE           a checkpoint of voco pretrain or voco finetune\n' +
    '  --out FILE     the file to write; the model card is FILE.md beside it\n' +
    '  --to FORMAT    pt (torch.load), safetensors or onnx (a fine-tuned network); default: the ending of --out\n' +
    '  --branch NAME  student (default), teacher or ema network of a pre-training checkpoint\n' +
    '  --config FILE  the fine-tuning config, for an ONNX export from weights without one\n' +
    '  --force        replaces the files to write where they are there already\n' +
    '  --json         prints what was written as JSON\n\n' +
    'A pre-training checkpoint gives its encoder only, named as in the released VoCo_*_SSL_head.pt files. An ONNX network takes\n' +
    'windows of the size in the config. Its metadata describes preprocessing and classes.',
  options: {
    out: { type: 'string' },
    to: { type: 'string' },
    branch: { type: 'string' },
    config: { type: 'string' },
    ...FORCE_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    const file = onlyPositional(exportWeights, args, 'the checkpoint');
    const out = textOption(args, 'out');
    if (!out) throw new UsageError(`voco export: --out is missing; usage: ${exportWeights.usage}`);
    const format = formatOption(args, out);
    const report = await (format === 'onnx' ? exportNetwork(args, file, out) : exportState(args, file, out, format));
    process.stderr.write(`${describe(report)}\n`);
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : `${out}\n`);
    return ExitCode.done;
  },
};
