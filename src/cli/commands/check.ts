import process from 'node:process';
import { resolve } from 'node:path';
import { withAdvice } from '../../errors/advice';
import { ExitCode, UsageError } from '../../errors/userError';
import type { Finding } from '../../check/dataset';
import type { CheckReport } from '../../protocol/datasets';
import { Interruption } from '../../rpc/interruption';
import { ProgressBar } from '../../text/progressBar';
import { LABELS_HELP, LABELS_OPTION, listOption, onlyPositional, overridesOf, type Command } from '../command';
import { counted } from '../../text';

const SIGNS = { error: '✗ error', warning: '! warning', info: '· note' } as const;

function print({ findings, volumes, regionMasks }: CheckReport): void {
  for (const { severity, file, message, advice } of findings) {
    process.stdout.write(`${SIGNS[severity]}: ${file}: ${withAdvice(message, advice)}\n`);
  }
  const count = (severity: Finding['severity'], what: string): string =>
    counted(findings.filter((item) => item.severity === severity).length, what);
  const verdict = [count('error', 'error'), count('warning', 'warning'), count('info', 'note')].join(', ');
  const looked = [counted(volumes, 'volume'), ...regionMasks].join(', ');
  process.stdout.write(`${looked} checked: ${findings.length === 0 ? 'nothing wrong' : verdict}\n`);
}

export const check: Command = {
  name: 'check',
  usage:
    'voco check CONFIG [--headers] [--downstream DATALIST.json]... [--set path=value]... [--labels-on-image-grid] [--json]',
  summary: 'checks the dataset of a config: damaged files, intensities, labels, odd spacings, leakage',
  details:
    '  --headers          looks at headers alone, which is quick: damaged voxels, intensities and label values stay unseen\n' +
    '  --deep             reads every voxel; the default\n' +
    '  --downstream FILE  a datalist whose validation cases must not be in the pre-training data; may be repeated\n' +
    LABELS_HELP +
    '\n' +
    'What is found out about a case is kept beside the cached volumes until one of its files, or what the config demands,\n' +
    'changes: a second check is quick, and so is the start of a run.',
  options: {
    headers: { type: 'boolean' },
    deep: { type: 'boolean' },
    downstream: { type: 'string', multiple: true },
    set: { type: 'string', multiple: true },
    ...LABELS_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    const { loadConfig } = await import('../../config');
    const { checkConfig } = await import('../../check/dataset');
    const file = resolve(onlyPositional(check, args, 'the config'));
    if (args.values.headers && args.values.deep)
      throw new UsageError('voco check: --headers looks at headers alone and --deep at every voxel; give one of them');
    const { config, warnings } = await loadConfig(file, { set: overridesOf(args) });
    warnings.forEach((text) => process.stderr.write(`${text}\n`));
    const controller = new AbortController();
    const interruption = new Interruption((signal) => controller.abort(signal));
    let bar: ProgressBar | undefined;
    let reached = [0, 0];
    try {
      const { volumes, regionMasks, findings } = await checkConfig(config, file, {
        depth: args.values.headers ? 'headers' : 'voxels',
        downstream: listOption(args, 'downstream').map((name) => resolve(name)),
        signal: controller.signal,
        onProgress: (done, total) => {
          reached = [done, total];
          (bar ??= new ProgressBar('checking', total)).update(done);
        },
      });
      bar?.end();
      const report: CheckReport = { volumes, regionMasks, findings };
      if (args.values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      else print(report);
      return findings.some((finding) => finding.severity === 'error') ? ExitCode.failed : ExitCode.done;
    } catch (error) {
      if (!controller.signal.aborted) throw error;
      bar?.end();
      process.stderr.write(`interrupted: ${reached[0]} of ${reached[1]} cases were checked; what was found is kept\n`);
      return ExitCode.interrupted;
    } finally {
      interruption.dispose();
    }
  },
};
