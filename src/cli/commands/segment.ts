import process from 'node:process';
import { UsageError } from '../../errors/userError';
import { FORCE_OPTION, endOfSeveral, overridesOf, say, textOption, type Command } from '../command';

export const segment: Command = {
  name: 'segment',
  usage:
    'voco segment IMAGE... --checkpoint FILE --out FILE|DIR [--config CONFIG] [--set path=value]... [--flips] [--continue|--force] [--device NAME]',
  summary: 'segments images with a fine-tuned network, each on its own voxel grid',
  details:
    '  IMAGE              a NIfTI, NRRD, MetaImage or MGH file, or a folder with a DICOM series; files of several channels are joined by commas,\n' +
    '                     with nothing between two commas for a channel without a file (data.missingChannels "zero")\n' +
    '  --checkpoint FILE  a checkpoint of voco finetune; other weights need --config\n' +
    '  --out FILE|DIR     where the label maps go: a file for one image, else a folder\n' +
    '  --set path=value   overrides a value of the config that the checkpoint carries, e.g. for CT that is stored 1024 too high\n' +
    '                     --set data.preprocess.intensity.offset=-1024; may be repeated\n' +
    '  --flips            averages over all mirror images of each window: eight times the work\n' +
    '  --continue         keeps label maps that are there already and makes the others, after an interruption\n' +
    '  --force            replaces label maps that are there already\n\n' +
    'An image that cannot be read, or whose intensities are in other units than the network was trained on, does not end the\n' +
    'others; the exit code is then 1, and the last line tells which failed.',
  options: {
    checkpoint: { type: 'string' },
    out: { type: 'string' },
    config: { type: 'string' },
    set: { type: 'string', multiple: true },
    flips: { type: 'boolean' },
    ...FORCE_OPTION,
    continue: { type: 'boolean' },
    device: { type: 'string' },
  },
  async run(args) {
    const [checkpoint, out] = [textOption(args, 'checkpoint'), textOption(args, 'out')];
    if (args.positionals.length === 0)
      throw new UsageError(`voco segment: the image is missing; usage: ${segment.usage}`);
    if (!checkpoint) throw new UsageError(`voco segment: --checkpoint is missing; usage: ${segment.usage}`);
    if (!out) throw new UsageError(`voco segment: --out is missing; usage: ${segment.usage}`);
    const { segment: run } = await import('../../evaluate/segment');
    if (args.values.force && args.values.continue)
      throw new UsageError('voco segment: --force replaces what is there and --continue keeps it; give one of them');
    const present = args.values.force ? ('replace' as const) : args.values.continue ? ('keep' as const) : undefined;
    const request = {
      present,
      images: args.positionals,
      checkpoint,
      out,
      configFile: textOption(args, 'config'),
      set: overridesOf(args),
      flips: args.values.flips === true,
      device: textOption(args, 'device'),
    };
    const { files, failures, total } = await run(request, say);
    process.stdout.write(files.map((file) => `${file}\n`).join(''));
    return endOfSeveral(total, failures);
  },
};
