import { extname } from 'node:path';
import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { ExportReport, WeightsFormat } from '../../runs/export';
import { FORCE_OPTION, onlyPositional, say, textOption, type Arguments, type Command } from '../command';
import { branchOption } from './import';
import { counted, listOf } from '../../text';

const FORMATS = ['pt', 'safetensors', 'onnx', 'nnssl'] as const satisfies readonly (WeightsFormat | 'onnx' | 'nnssl')[];
type Format = (typeof FORMATS)[number];

function formatOption(args: Arguments, out: string): Format {
  const given = textOption(args, 'to') ?? extname(out).slice(1);
  const known = FORMATS.find((one) => one === (given === 'pth' ? 'pt' : given));
  if (known) return known;
  throw new UsageError(`voco export: --to must be ${listOf(FORMATS, 'or')}, not "${given}"`);
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

async function exportForNnssl(args: Arguments, file: string, out: string): Promise<ExportReport> {
  if (args.values.config !== undefined) throw new UsageError('voco export: --config is for ONNX only');
  if (!/\.(pth|pt)$/.test(out)) throw new UsageError(`voco export: --out must end in .pth for nnssl, not "${out}"`);
  const { exportNnssl } = await import('../../convert/exportNnssl');
  const report = await exportNnssl({ file, out, branch: branchOption(args), force: args.values.force === true });
  say(
    `nnssl’s ${report.architecture}: ${report.keys} keys, of which fine-tuning takes ${report.handedOn}; plan ${report.plan}`,
  );
  for (const note of report.notes) say(`note: ${note}`);
  return report;
}

const write = (format: Format, args: Arguments, file: string, out: string): Promise<ExportReport> => {
  if (format === 'onnx') return exportNetwork(args, file, out);
  if (format === 'nnssl') return exportForNnssl(args, file, out);
  return exportState(args, file, out, format);
};

export const exportWeights: Command = {
  name: 'export',
  usage:
    'voco export FILE --out FILE [--to pt|safetensors|onnx|nnssl] [--branch student|teacher|ema] [--config CONFIG] [--force] [--json]',
  summary: 'writes a checkpoint for PyTorch and MONAI, nnssl and nnU-Net, or ONNX Runtime, with a model card',
  details:
    '  FILE           a checkpoint of voco pretrain or voco finetune\n' +
    '  --out FILE     the file to write; the model card is FILE.md beside it\n' +
    '  --to FORMAT    pt (torch.load), safetensors, onnx (a fine-tuned network) or nnssl (for fine-tuning with nnU-Net); default:\n' +
    '                 the ending of --out\n' +
    '  --branch NAME  student (default), teacher or ema network of a pre-training checkpoint\n' +
    '  --config FILE  the fine-tuning config, for an ONNX export from weights without one\n' +
    '  --force        replaces the files to write where they are there already\n' +
    '  --json         prints what was written as JSON\n\n' +
    'A pre-training checkpoint gives its encoder only, named as in the released VoCo_*_SSL_head.pt files. An ONNX network takes\n' +
    'windows of the size in the config. Its metadata describes preprocessing and classes. A checkpoint of nnssl has the plan of the\n' +
    'pre-training in it and in adaptation_plan.json beside it, and kernels with the axes z, y, x: of residual encoder U-Nets and Primus.',
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
    const report = await write(format, args, file, out);
    process.stderr.write(`${describe(report)}\n`);
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : `${out}\n`);
    return ExitCode.done;
  },
};
