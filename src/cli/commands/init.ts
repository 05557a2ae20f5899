import process from 'node:process';
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { closest } from '../../errors/closest';
import { ExitCode, UsageError, UserError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { checkOutputs } from '../../files/outputs';
import type { Config } from '../../config';
import type { CheckpointStart } from '../../config/presets/from';
import type { DataLook } from '../../protocol/datasets';
import type { StartReport } from '../../protocol/start';
import { FORCE_OPTION, integerOption, onlyPositional, say, textOption, type Arguments, type Command } from '../command';

/**
 * The data as the config in `folder` names them: a path is typed from here, while paths in a config start at its folder. One that is
 * there from that folder alone was meant so.
 */
function pathFrom(folder: string, data: string): string {
  if (isAbsolute(data)) return data;
  const [here, there] = [resolve(data), resolve(folder, data)];
  // Of a pattern, the folder that it starts in tells where it is.
  const start = (path: string): string => (data.includes('*') ? dirname(path.slice(0, path.indexOf('*') + 1)) : path);
  if (!existsSync(start(here)) && existsSync(start(there))) return data;
  return relative(folder, here).split('\\').join('/') || '.';
}

/** What lies at the path, told to the user; undefined where it cannot be told, which is no reason to write no config. */
async function lookAt(data: string, folder: string): Promise<DataLook | undefined> {
  if (!existsSync(resolve(folder, data))) {
    if (!data.includes('*')) say(`${data}: nothing is there yet`);
    return undefined;
  }
  const { lookAtData } = await import('../../data/datalist');
  try {
    const look = await lookAtData(resolve(folder, data));
    say(`${data}: ${look.text}`);
    return look;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    say(`warning: ${error.message}`);
    return undefined;
  }
}

function channelOf(args: Arguments, look: DataLook | undefined): number | undefined {
  const channel = integerOption(args, 'channel', -1);
  if (channel < 0) return undefined;
  const count = look?.channels?.length ?? 1;
  if (look && channel >= count)
    throw new UsageError(`voco init: --channel ${channel}: each case has ${count} channel${count > 1 ? 's' : ''}`);
  return channel;
}

/** The preset that is named, or the usual one of the pretext task. */
async function choosePreset(args: Arguments) {
  const { presetNames, presetOfTask } = await import('../../config');
  const [task, preset] = [textOption(args, 'task'), textOption(args, 'preset')];
  if (task !== undefined) return presetOfTask(task, preset);
  const name = preset ?? 'voco-10k';
  const known = presetNames.find((one) => one === name);
  if (known) return known;
  const guess = closest(name, presetNames);
  const advice = `${guess === undefined ? '' : `did you mean "${guess}"? `}voco init --list shows all`;
  throw new UsageError(`voco init: unknown preset "${name}"; ${advice}`);
}

/** What a fine-tuning takes of a checkpoint; it is told. @param folder of the config, whose paths start there */
async function startFrom(args: Arguments, folder: string): Promise<CheckpointStart | undefined> {
  const file = textOption(args, 'from');
  if (file === undefined) return undefined;
  const other = ['network', 'task'].find((name) => textOption(args, name) !== undefined);
  if (other !== undefined)
    throw new UsageError(`voco init: --from takes the network of the checkpoint; leave out --${other}`);
  const { readStart } = await import('../../convert/start');
  const { start, lines } = await readStart(file);
  lines.forEach(say);
  if (textOption(args, 'preset') === undefined && args.values.list !== true) {
    const { presetsFrom } = await import('../../config');
    throw new UsageError(`voco init --from: choose a fine-tuning with --preset: ${presetsFrom(start).join(', ')}`);
  }
  return { ...start, checkpoint: pathFrom(folder, file) };
}

/** The presets that fit a checkpoint. */
async function listFitting(args: Arguments): Promise<number> {
  const { presetDescriptions, presetsFrom } = await import('../../config');
  const { readStart } = await import('../../convert/start');
  const { start, lines } = await readStart(textOption(args, 'from')!);
  const presets = presetsFrom(start).map((name) => ({ name, description: presetDescriptions[name] }));
  const report: StartReport = { lines, presets };
  const width = Math.max(...presets.map(({ name }) => name.length));
  const text = presets.map(({ name, description }) => `  ${name.padEnd(width)}  ${description}`);
  process.stdout.write(`${args.values.json ? JSON.stringify(report) : [...lines, '', ...text].join('\n')}\n`);
  return ExitCode.done;
}

/** All presets with what they are, by pretext task. */
async function listPresets(): Promise<number> {
  const { presetDescriptions, presetGroups, scheduleDescriptions } = await import('../../config');
  const groups = presetGroups();
  const width = Math.max(...groups.flatMap(({ presets }) => presets.map(({ length }) => length)));
  const text = groups.map(({ title, presets }) => {
    const lines = presets.map((name) => `  ${name.padEnd(width)}  ${presetDescriptions[name]}`);
    return [title, ...lines, ''].join('\n');
  });
  const schedules = Object.entries(scheduleDescriptions).map(([name, line]) => `  ${name.padEnd(width)}  ${line}`);
  process.stdout.write(`${[...text, 'Schedules of fine-tuning (--schedule)', ...schedules].join('\n')}\n`);
  return ExitCode.done;
}

/** Told where a preset for CT is written for MRI: it has a window, or cuts at an intensity, below which MRI has tissue. */
function tellOfCt(found: DataLook | undefined, { data, ...config }: Config): void {
  const { intensity, foreground } = data.preprocess;
  if (!found?.mri || (intensity?.kind !== 'window' && typeof foreground?.threshold !== 'number')) return;
  const advice =
    config.kind === 'pretrain'
      ? `--preset ${config.method.name}-mri is made for MRI`
      : 'for MRI set data.preprocess.intensity to { "kind": "zscore" } and data.preprocess.foreground to { "threshold": "nonzero" }';
  say(`the images are MRI, and this preset is made for CT: ${advice}`);
}

export const init: Command = {
  name: 'init',
  usage:
    'voco init FILE.voco.json [--task TASK] [--network NETWORK] [--preset NAME] [--schedule NAME] [--from CHECKPOINT] [--data FOLDER|LIST|PATTERN] [--channel N] [--name NAME] [--force]\n       voco init --list [--from CHECKPOINT [--json]]',
  summary: 'writes a commented experiment config from a preset',
  details:
    '  --preset NAME   the preset; with --task also what comes after the name of the task: "small" for mae-small\n' +
    '  --list          shows all presets, and writes nothing\n' +
    '  --task TASK     the pretext task; its first preset has the defaults of its source\n' +
    '  --network NAME  puts another network into the preset, of the size that the preset is meant for\n' +
    '  --schedule NAME of a fine-tuning, what is trained when: default, frozen, warm-up, sawtooth, valley\n' +
    '  --from FILE     the checkpoint that a fine-tuning starts from: its network, its crops, and images prepared as it has seen them;\n' +
    '                  with --list, the presets that fit it\n' +
    '  --name NAME     the name of the experiment; default: the preset’s\n' +
    '  --data PATH     a list of cases, a folder, or a pattern with *; it is looked at, so that its lists and channels are found\n' +
    '  --channel N     of images with several channels, the one to take (from 0)\n' +
    '  --force         replaces the file where it is there',
  options: {
    list: { type: 'boolean' },
    task: { type: 'string' },
    network: { type: 'string' },
    preset: { type: 'string' },
    schedule: { type: 'string' },
    from: { type: 'string' },
    name: { type: 'string' },
    json: { type: 'boolean' },
    data: { type: 'string' },
    channel: { type: 'string' },
    ...FORCE_OPTION,
  },
  async run(args) {
    if (args.values.list === true) return textOption(args, 'from') === undefined ? listPresets() : listFitting(args);
    const { presetConfig, presetText } = await import('../../config');
    const file = resolve(onlyPositional(init, args, 'the config file'));
    const from = await startFrom(args, dirname(file));
    const known = await choosePreset(args);
    const named = (option: string): string | undefined => textOption(args, option);
    const options = { network: named('network'), schedule: named('schedule'), name: named('name'), from };
    const given = textOption(args, 'data');
    const inputs = [given, textOption(args, 'from')].filter((path) => path !== undefined);
    await checkOutputs({ outputs: [file], inputs, force: args.values.force === true });
    const data = given === undefined ? undefined : pathFrom(dirname(file), given);
    const found = data === undefined ? undefined : await lookAt(data, dirname(file));
    const channel = channelOf(args, found);
    const config = presetConfig(known, options);
    const takesAll = typeof config.data.channel !== 'number';
    if (found?.channels && channel === undefined && !takesAll)
      say(`choose one of the ${found.channels.length} channels with "channel" in the source, or with --channel`);
    tellOfCt(found, config);
    await writeFileAtomically(file, presetText(known, { ...options, data, found, channel }));
    process.stdout.write(`${file}\n`);
    return ExitCode.done;
  },
};
