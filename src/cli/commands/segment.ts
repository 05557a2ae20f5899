import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import { textOption, type Command } from '../command';

export const segment: Command = {
  name: 'segment',
  usage: 'voco segment IMAGE... --checkpoint FILE --out FILE|DIR [--config CONFIG] [--flips] [--device NAME]',
  summary: 'segments images with a fine-tuned network, each on its own voxel grid',
  details:
    '  IMAGE              a NIfTI, NRRD, MetaImage or MGH file, or a folder with a DICOM series; files of several channels are joined by commas\n' +
    '  --checkpoint FILE  a checkpoint of voco finetune; other weights need --config\n' +
    '  --out FILE|DIR     where the label maps go: a file for one image, else a folder\n' +
    '  --flips            averages over all mirror images of each window: eight times the work',
  options: {
    checkpoint: { type: 'string' },
    out: { type: 'string' },
    config: { type: 'string' },
    flips: { type: 'boolean' },
    device: { type: 'string' },
  },
  async run(args) {
    const [checkpoint, out] = [textOption(args, 'checkpoint'), textOption(args, 'out')];
    if (args.positionals.length === 0)
      throw new UsageError(`voco segment: the image is missing; usage: ${segment.usage}`);
    if (!checkpoint) throw new UsageError(`voco segment: --checkpoint is missing; usage: ${segment.usage}`);
    if (!out) throw new UsageError(`voco segment: --out is missing; usage: ${segment.usage}`);
    const { segment: run } = await import('../../evaluate/segment');
    const request = {
      images: args.positionals,
      checkpoint,
      out,
      configFile: textOption(args, 'config'),
      flips: args.values.flips === true,
      device: textOption(args, 'device'),
    };
    const files = await run(request, (text) => process.stderr.write(`${text}\n`));
    process.stdout.write(files.map((file) => `${file}\n`).join(''));
    return ExitCode.done;
  },
};
