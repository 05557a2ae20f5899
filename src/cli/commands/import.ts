import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import type { Branch } from '../../runs/import';
import { onlyPositional, textOption, type Arguments, type Command } from '../command';

/** The `--branch` option of import and export. */
export function branchOption(args: Arguments): Branch | undefined {
  const branch = textOption(args, 'branch');
  if (branch === undefined || branch === 'student' || branch === 'teacher') return branch;
  throw new UsageError(`--branch must be student or teacher, not "${branch}"`);
}

export const importWeights: Command = {
  name: 'import',
  usage: 'voco import FILE --out FILE.safetensors [--for CONFIG] [--branch student|teacher] [--json]',
  summary: 'converts PyTorch weights (.pt, .pth) to safetensors without executing anything in the file',
  details:
    '  FILE               written by torch.save (PyTorch 0.2 or newer) or safetensors: releases of VoCo and MONAI, training outputs\n' +
    '  --out FILE         the safetensors file to write\n' +
    '  --for CONFIG       reports how the weights fit the network of a config; fails if none fits\n' +
    '  --branch NAME      student (default) or teacher network of a pre-training checkpoint\n' +
    '  --json             prints the report as JSON',
  options: {
    out: { type: 'string' },
    for: { type: 'string' },
    branch: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const file = onlyPositional(importWeights, args, 'the file of weights');
    const [out, configFile, branch] = [textOption(args, 'out'), textOption(args, 'for'), branchOption(args)];
    if (!out) throw new UsageError(`voco import: --out is missing; usage: ${importWeights.usage}`);
    if (!out.endsWith('.safetensors'))
      throw new UsageError(`voco import: --out must end in .safetensors, not "${out}"`);
    const { importFile } = await import('../../convert/importFile');
    const { report, lines } = await importFile({ file, out, configFile, branch });
    for (const line of lines) process.stderr.write(`${line}\n`);
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : `${out}\n`);
    return ExitCode.done;
  },
};
