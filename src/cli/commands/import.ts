import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import { BRANCHES, type Branch } from '../../runs/import/branches';
import { FORCE_OPTION, onlyPositional, textOption, type Arguments, type Command } from '../command';

/** The `--branch` option of import and export. */
export function branchOption(args: Arguments): Branch | undefined {
  const branch = textOption(args, 'branch');
  if (branch === undefined) return undefined;
  const known = BRANCHES.find((one) => one === branch);
  if (known) return known;
  throw new UsageError(`--branch must be student, teacher or ema, not "${branch}"`);
}

export const importWeights: Command = {
  name: 'import',
  usage: 'voco import FILE --out FILE.safetensors [--for CONFIG] [--branch student|teacher|ema] [--force] [--json]',
  summary: 'converts PyTorch weights (.pt, .pth, .ckpt, .bin) to safetensors without executing anything in the file',
  details:
    '  FILE               written by torch.save (PyTorch 0.2 or newer) or safetensors: releases of VoCo, MONAI, nnssl\n' +
    '                     (OpenMind), nnU-Net, CT-FM, SuPreM and BrainSegFounder, training outputs\n' +
    '  --out FILE         the safetensors file to write\n' +
    '  --for CONFIG       finds the network of a config in the file, and reports how it fits; fails if it is of another size, or\n' +
    '                     if less than half of its encoder fits\n' +
    '  --branch NAME      student (default), teacher or ema: which network of a file that holds several\n' +
    '  --force            replaces the file to write where it is there already\n' +
    '  --json             prints the report as JSON\n\n' +
    'The weights are looked for in every dict of the file and below every prefix (state_dict, model.backbone., module., …). What else\n' +
    'is in the file is listed. Without --for, a network of voco is told by its names and shapes; weights of others keep their names.\n' +
    'Kernels of nnssl and nnU-Net come to the axes x, y, z, and their plan (in the file, or adaptation_plan.json beside it) tells how a\n' +
    'config must prepare images; voco init --from takes that over.',
  options: {
    out: { type: 'string' },
    for: { type: 'string' },
    branch: { type: 'string' },
    ...FORCE_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    const file = onlyPositional(importWeights, args, 'the file of weights');
    const [out, configFile, branch] = [textOption(args, 'out'), textOption(args, 'for'), branchOption(args)];
    if (!out) throw new UsageError(`voco import: --out is missing; usage: ${importWeights.usage}`);
    if (!out.endsWith('.safetensors'))
      throw new UsageError(`voco import: --out must end in .safetensors, not "${out}"`);
    const { importFile } = await import('../../convert/importFile');
    const { report, lines } = await importFile({
      ...{ file, out, configFile, branch },
      force: args.values.force === true,
    });
    for (const line of lines) process.stderr.write(`${line}\n`);
    process.stdout.write(args.values.json ? `${JSON.stringify(report)}\n` : `${out}\n`);
    return ExitCode.done;
  },
};
