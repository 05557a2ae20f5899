import process from 'node:process';
import { dirname, resolve } from 'node:path';
import { ExitCode } from '../../errors/userError';
import type { Finding } from '../../check/dataset';
import type { CheckReport } from '../../protocol/datasets';
import { ProgressBar } from '../../text/progressBar';
import { LABELS_HELP, LABELS_OPTION, listOption, onlyPositional, overridesOf, type Command } from '../command';
import { counted } from '../../text';

const SIGNS = { error: '✗ error', warning: '! warning', info: '· note' } as const;

function print(findings: readonly Finding[], volumes: number): void {
  for (const { severity, file, message, advice } of findings) {
    process.stdout.write(`${SIGNS[severity]}: ${file}: ${message}; ${advice}\n`);
  }
  const count = (severity: Finding['severity'], what: string): string =>
    counted(findings.filter((item) => item.severity === severity).length, what);
  const verdict = [count('error', 'error'), count('warning', 'warning'), count('info', 'note')].join(', ');
  process.stdout.write(`${counted(volumes, 'volume')} checked: ${findings.length === 0 ? 'nothing wrong' : verdict}\n`);
}

export const check: Command = {
  name: 'check',
  usage:
    'voco check CONFIG [--deep] [--downstream DATALIST.json]... [--set path=value]... [--labels-on-image-grid] [--json]',
  summary: 'checks the dataset of a config: missing files, odd spacings, wrong keys, leakage',
  details:
    '  --deep             reads every voxel (NaN, damaged data, label values), not only headers\n' +
    '  --downstream FILE  a datalist whose validation cases must not be in the pre-training data; may be repeated\n' +
    LABELS_HELP.trimEnd(),
  options: {
    deep: { type: 'boolean' },
    downstream: { type: 'string', multiple: true },
    set: { type: 'string', multiple: true },
    ...LABELS_OPTION,
    json: { type: 'boolean' },
  },
  async run(args) {
    const { loadConfig } = await import('../../config');
    const { taskOf } = await import('../../catalog');
    const { bySeverity, checkDataset, checkSources } = await import('../../check/dataset');
    const file = resolve(onlyPositional(check, args, 'the config'));
    const { config, warnings } = await loadConfig(file, { set: overridesOf(args) });
    warnings.forEach((text) => process.stderr.write(`${text}\n`));
    const { data } = config;
    const labels = config.kind === 'finetune';
    const lists = listOption(args, 'downstream').map((name) => resolve(name));
    const train = await checkSources(data.train, dirname(file), { labels });
    const held = await checkSources(data.validation, dirname(file), { labels });
    const downstream = await Promise.all(
      lists.map(async (name) => ({
        name,
        found: await checkSources([{ datalist: name, key: 'validation' }], dirname(name), { labels: false }),
      })),
    );
    const total = [train, held, ...downstream.map((item) => item.found)].reduce((n, list) => n + list.cases.length, 0);
    const bar = new ProgressBar('checking', total);
    const findings = await checkDataset({
      cases: train.cases,
      validation: held.cases,
      channel: data.channel,
      preprocess: data.preprocess,
      labels,
      gridSize: (await taskOf(config)).checks(config).gridSize,
      downstream: downstream.map(({ name, found }) => ({ name, cases: found.cases })),
      deep: args.values.deep === true,
      onProgress: (done) => bar.update(done),
    });
    bar.end();
    const sources = [train, held, ...downstream.map((item) => item.found)].flatMap((list) => list.findings);
    const all = bySeverity([...sources, ...findings]);
    if (args.values.json)
      process.stdout.write(`${JSON.stringify({ volumes: total, findings: all } satisfies CheckReport, null, 2)}\n`);
    else print(all, total);
    return all.some((finding) => finding.severity === 'error') ? ExitCode.failed : ExitCode.done;
  },
};
