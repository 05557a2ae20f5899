import process from 'node:process';
import { inTurn } from '../../errors/inTurn';
import { UsageError } from '../../errors/userError';
import { mayHoldSeries } from '../../files/dicomFolder';
import { endOfSeveral, say, textOption, type Command } from '../command';

export const info: Command = {
  name: 'info',
  usage: 'voco info FILE... [--series UID|NUMBER] [--json]',
  summary: 'prints shape, spacing, orientation, datatype and intensity range of volumes',
  details:
    '  FILE           a NIfTI, NRRD, MetaImage, MGH or DICOM file, a folder with DICOM files or a DICOMDIR\n' +
    '  --series WHICH of a folder with several series, which are listed without it: number or UID\n' +
    '  --json         prints as JSON',
  options: { series: { type: 'string' }, json: { type: 'boolean' } },
  async run(args) {
    const { describeVolume, formatDescription, formatSeries, listSeries } = await import('../../volume');
    if (args.positionals.length === 0) throw new UsageError(`voco info: no file given; usage: ${info.usage}`);
    const series = textOption(args, 'series');
    const describe = async (file: string) => {
      const list = series === undefined && (await mayHoldSeries(file)) ? await listSeries(file) : undefined;
      const several = list !== undefined && list.series.length > 1;
      return several ? { file, ...list } : describeVolume(file, series === undefined ? {} : { series });
    };
    const found: Awaited<ReturnType<typeof describe>>[] = [];
    const show = (result: (typeof found)[number], file: string): void => {
      if (args.values.json) found.push(result);
      else process.stdout.write(`${'others' in result ? formatSeries(file, result) : formatDescription(result)}\n`);
    };
    const files = args.positionals;
    const failures = await inTurn(files, (file) => file, describe, show, say);
    if (args.values.json) process.stdout.write(`${JSON.stringify(files.length === 1 ? found[0] : found, null, 2)}\n`);
    return endOfSeveral(files.length, failures);
  },
};
