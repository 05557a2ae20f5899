import process from 'node:process';
import { basename, join, resolve } from 'node:path';
import { inTurn } from '../../errors/inTurn';
import { ExitCode, UsageError } from '../../errors/userError';
import { isFolder } from '../../files/kinds';
import { checkOutputs } from '../../files/outputs';
import { withoutVolumeEnding } from '../../files/volumeNames';
import type { Converted } from '../../volume';
import { formatSize, significant } from '../../text';
import { FORCE_OPTION, endOfSeveral, onlyPositional, say, textOption, type Arguments, type Command } from '../command';

const NIFTI_NAME = /\.nii(\.gz)?$/i;

export const convert: Command = {
  name: 'convert',
  usage: 'voco convert INPUT... --out FILE.nii.gz|DIR [--series UID|NUMBER] [--identity] [--force] [--json]',
  summary: 'writes DICOM series, NRRD, MetaImage or MGH volumes as NIfTI',
  details:
    '  INPUT          a folder with DICOM files, a DICOMDIR, one file of a series, or a .nrrd, .nhdr, .mha, .mhd, .mgz or .mgh file\n' +
    '  --out FILE|DIR the .nii or .nii.gz file to write, or a folder for files of the names of the inputs; the facts of a DICOM series\n' +
    '                 are in a .json file beside it\n' +
    '  --series WHICH the series of a folder that holds several, by number or UID; 3#2 is the second volume of series 3\n' +
    '  --list         lists the series of INPUT and writes nothing\n' +
    '  --identity     also writes names, dates and identifiers of the patient to the .json file; else there are none\n' +
    '  --force        overwrites files that are there\n' +
    '  --json         prints what was written, or the list, as JSON\n\n' +
    'An input that cannot be converted does not end the others; the exit code is then 1, and the last line tells which failed.',
  options: {
    out: { type: 'string' },
    series: { type: 'string' },
    list: { type: 'boolean' },
    identity: { type: 'boolean' },
    ...FORCE_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    if (args.positionals.length === 0)
      throw new UsageError(`voco convert: the input is missing; usage: ${convert.usage}`);
    if (args.values.list) return list(args);
    const out = textOption(args, 'out');
    if (!out) throw new UsageError(`voco convert: --out is missing; usage: ${convert.usage}`);
    const inputs = args.positionals;
    const files = await targets(inputs, out);
    const series = textOption(args, 'series');
    if (series !== undefined && inputs.length > 1)
      throw new UsageError('voco convert: --series is of one input; convert the others one by one');
    const { convertVolume } = await import('../../volume');
    const options = { force: args.values.force === true, identity: args.values.identity === true };
    const one = (input: string): Promise<Converted> =>
      convertVolume({ input, out: files.get(input)!, ...options, ...(series !== undefined && { series }) });
    const results: Converted[] = [];
    const show = (result: Converted, input: string): void => {
      for (const warning of result.warnings) say(`warning: ${input}: ${warning}`);
      results.push(result);
      if (!args.values.json) describe(result);
    };
    const failures = await inTurn(inputs, (input) => input, one, show, say);
    if (args.values.json)
      process.stdout.write(`${JSON.stringify(inputs.length === 1 ? results[0] : results, null, 2)}\n`);
    return endOfSeveral(inputs.length, failures);
  },
};

async function list(args: Arguments): Promise<number> {
  const { formatSeries, listSeries } = await import('../../volume');
  const input = onlyPositional(convert, args, 'the input');
  const found = await listSeries(input);
  process.stdout.write(args.values.json ? `${JSON.stringify(found, null, 2)}\n` : `${formatSeries(input, found)}\n`);
  return ExitCode.done;
}

/** The file of each input: `out` itself for one that is named as a file, else a file in the folder `out`. */
async function targets(inputs: readonly string[], out: string): Promise<ReadonlyMap<string, string>> {
  const folder = inputs.length > 1 || (await isFolder(out));
  if (!folder) return new Map([[inputs[0]!, out]]);
  if (NIFTI_NAME.test(out) && !(await isFolder(out)))
    throw new UsageError(`${out}: is one file, but there are ${inputs.length} inputs; name a folder`);
  const nameOf = (input: string): string => `${withoutVolumeEnding(basename(resolve(input)))}.nii.gz`;
  const files = inputs.map((input) => join(out, nameOf(input)));
  // What of it is there already is found out input by input: those that are missing are made.
  await checkOutputs({ outputs: files, inputs, force: true });
  return new Map(inputs.map((input, i) => [input, files[i]!]));
}

function describe(result: Converted): void {
  const [channels, ...size] = result.shape;
  const spacing = formatSize(result.spacing.map((mm) => significant(mm, 5)));
  say(`${formatSize(size)}${channels > 1 ? `×${channels}` : ''} voxels, ${spacing} mm`);
  process.stdout.write(result.files.map((file) => `${file}\n`).join(''));
}
