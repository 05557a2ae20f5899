import process from 'node:process';
import { ExitCode, UsageError } from '../../errors/userError';
import { formatSize, significant } from '../../text';
import { FORCE_OPTION, onlyPositional, textOption, type Command } from '../command';

export const convert: Command = {
  name: 'convert',
  usage: 'voco convert INPUT --out FILE.nii.gz [--series UID|NUMBER] [--identity] [--force] [--json]',
  summary: 'writes a DICOM series, NRRD, MetaImage or MGH volume as NIfTI',
  details:
    '  INPUT          a folder with DICOM files, a DICOMDIR, one file of a series, or a .nrrd, .nhdr, .mha, .mhd, .mgz or .mgh file\n' +
    '  --out FILE     the .nii or .nii.gz file to write; the facts of a DICOM series are in a .json file beside it\n' +
    '  --series WHICH the series of a folder that holds several, by number or UID; 3#2 is the second volume of series 3\n' +
    '  --list         lists the series of INPUT and writes nothing\n' +
    '  --identity     also writes names, dates and identifiers of the patient to the .json file; else there are none\n' +
    '  --force        overwrites files that are there\n' +
    '  --json         prints what was written, or the list, as JSON',
  options: {
    out: { type: 'string' },
    series: { type: 'string' },
    list: { type: 'boolean' },
    identity: { type: 'boolean' },
    ...FORCE_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    const input = onlyPositional(convert, args, 'the input');
    const { convertVolume, formatSeries, listSeries } = await import('../../volume');
    if (args.values.list) {
      const found = await listSeries(input);
      process.stdout.write(
        args.values.json ? `${JSON.stringify(found, null, 2)}\n` : `${formatSeries(input, found)}\n`,
      );
      return ExitCode.done;
    }
    const out = textOption(args, 'out');
    if (!out) throw new UsageError(`voco convert: --out is missing; usage: ${convert.usage}`);
    const series = textOption(args, 'series');
    const result = await convertVolume({
      input,
      out,
      ...(series !== undefined && { series }),
      force: args.values.force === true,
      identity: args.values.identity === true,
    });
    for (const warning of result.warnings) process.stderr.write(`warning: ${input}: ${warning}\n`);
    if (args.values.json) {
      process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return ExitCode.done;
    }
    const [channels, ...size] = result.shape;
    const spacing = formatSize(result.spacing.map((mm) => significant(mm, 5)));
    process.stderr.write(`${formatSize(size)}${channels > 1 ? `×${channels}` : ''} voxels, ${spacing} mm\n`);
    process.stdout.write(result.files.map((file) => `${file}\n`).join(''));
    return ExitCode.done;
  },
};
