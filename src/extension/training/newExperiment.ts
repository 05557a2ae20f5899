import { existsSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import * as vscode from 'vscode';
import {
  presetConfig,
  presetDescriptions,
  presetNames,
  presetsOfTask,
  presetText,
  scheduleDescriptions,
  type PresetName,
} from '../../config';
import { networksFor } from '../../config/pairs';
import { pretextDescriptors } from '../../pretext/descriptors';
import { writeFileAtomically } from '../../files/atomic';
import { mayBeDicom } from '../../files/dicomFolder';
import { checkOutputs } from '../../files/outputs';
import { CONFIG_SUFFIX } from '../config/configFiles';
import type { DataLook } from '../../protocol/datasets';
import { QUIETLY, type SampleDataset } from '../datasets/makeSampleDataset';
import type { Services } from '../services';
import { Cancelled, requireFolder, type CommandDefinition } from '../shared/command';
import { plainItem } from '../shared/notify';

interface DataChoice extends vscode.QuickPickItem {
  readonly path?: string;
}

/** Files of these kinds that are looked at; of a folder with more, not all data sets may be offered. */
const MOST_VOLUMES = 10_000;
const MOST_TEXTS = 200;
/** Endings of lists of cases. */
const LISTS = ['json', 'jsonl', 'csv', 'tsv', 'txt', 'lst', 'list'];
/** For a new user without data. */
const SAMPLE: DataChoice = { label: '$(beaker) Make a sample dataset of synthetic CT…' };

/** What a config is written from. */
interface Start {
  readonly preset: PresetName;
  /** Another network than the preset's. */
  readonly network?: string | undefined;
  /** Of a fine-tuning, another schedule than the preset's. */
  readonly schedule?: string | undefined;
}

/** Questions that are asked after the start is known: on which data, and the name. */
const QUESTIONS_LEFT = 2;

type TrainChoice = vscode.QuickPickItem & ({ readonly task: string } | { readonly preset: PresetName });

async function choose<Item extends vscode.QuickPickItem>(title: string, items: readonly Item[]): Promise<Item> {
  const options = {
    title: `New Experiment ${title}`,
    matchOnDetail: true,
    matchOnDescription: true,
    ignoreFocusOut: true,
  };
  const choice = await vscode.window.showQuickPick(items, options);
  if (!choice) throw new Cancelled();
  return choice;
}

/** Pretext tasks, and presets of fine-tunings. */
function trainChoices(): TrainChoice[] {
  const separator = (label: string): TrainChoice =>
    ({ label, kind: vscode.QuickPickItemKind.Separator }) as vscode.QuickPickItem as TrainChoice;
  const tasks = pretextDescriptors.all.map(({ name, title }) => ({ label: name, description: title, task: name }));
  const own = new Set(pretextDescriptors.names.flatMap((task) => presetsOfTask(task)));
  const presets = presetNames
    .filter((preset) => !own.has(preset))
    .map((preset) => ({ label: preset, detail: presetDescriptions[preset], preset }));
  return [separator('pre-train with'), ...tasks, separator('fine-tune with the preset'), ...presets];
}

/** The networks that can learn a task, the preset's first. */
function networkChoices(task: string, preset: PresetName) {
  const { name: usual } = presetConfig(preset).network;
  return networksFor(pretextDescriptors.get(task))
    .map(({ name, title }) => ({ label: name, description: name === usual ? `${title}, as in the preset` : title }))
    .sort((a, b) => Number(b.label === usual) - Number(a.label === usual));
}

/** The fine-tuning schedules, the preset's own first. */
function scheduleChoices() {
  const own = { label: 'as in the preset', description: 'One warm-up, then the rate falls', schedule: undefined };
  const others = Object.entries(scheduleDescriptions).map(([schedule, line]) => ({
    label: schedule,
    description: line,
    schedule,
  }));
  return [own, ...others];
}

/** What is to be trained: a pretext task, its preset and its network, or a preset of a fine-tuning and its schedule. */
async function pickStart(): Promise<{ start: Start; questions: number }> {
  const what = await choose('(1): what is to be trained?', trainChoices());
  if ('preset' in what) {
    const title = `(2 of ${2 + QUESTIONS_LEFT}): what is trained when?`;
    const { schedule } = await choose(title, scheduleChoices());
    return { start: { preset: what.preset, schedule }, questions: 2 };
  }
  const questions = 3 + QUESTIONS_LEFT;
  const presets = presetsOfTask(what.task).map((preset) => ({
    label: preset,
    detail: presetDescriptions[preset],
    preset,
  }));
  const { preset } = await choose(`(2 of ${questions}): start from which preset?`, presets);
  const network = await choose(`(3 of ${questions}): which network?`, networkChoices(what.task, preset));
  return { start: { preset, network: network.label }, questions: 3 };
}

/** Lists of cases and folders of data sets in the workspace. */
async function findData(services: Services, root: string): Promise<DataChoice[]> {
  const exclude = '**/{node_modules,runs,.trash,.git,.venv}/**';
  const endings = 'nii,nii.gz,hdr,nrrd,nhdr,mha,mhd,mgz,mgh,dcm,ima';
  const find = async (pattern: string, most: number): Promise<string[]> =>
    (await vscode.workspace.findFiles(pattern, exclude, most)).map(({ fsPath }) => fsPath);
  const volumes = await find(`**/*.{${endings}}`, MOST_VOLUMES);
  const named = await find('**/dataset*.json', MOST_TEXTS);
  const texts = (await find(`**/*.{${LISTS.join(',')}}`, MOST_TEXTS)).filter((path) => !path.endsWith(CONFIG_SUFFIX));
  const unnamed = (await find('**/*', MOST_VOLUMES)).filter(mayBeDicom);
  const offers = await services.datasets.offers(volumes, unnamed, [...new Set([...named, ...texts])], root);
  return offers.map(({ path, list, text }) =>
    plainItem({ label: relative(root, path) || '.', description: text, path }, list ? 'json' : 'folder'),
  );
}

async function browse(root: vscode.Uri): Promise<string> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Folder of volumes, or datalist',
    defaultUri: root,
    canSelectFiles: true,
    canSelectFolders: true,
    filters: { 'Lists of cases': LISTS },
  });
  if (!picked?.[0]) throw new Cancelled();
  return picked[0].fsPath;
}

async function pickData(services: Services, root: vscode.Uri, argument: unknown, asked: number): Promise<string> {
  if (argument instanceof vscode.Uri) return argument.fsPath;
  const other: DataChoice = { label: '$(folder-opened) Another folder or datalist…' };
  const items = findData(services, root.fsPath).then((found) => [
    ...found,
    other,
    ...(found.length === 0 && vscode.workspace.isTrusted ? [SAMPLE] : []),
  ]);
  const options = {
    title: `New Experiment (${asked + 1} of ${asked + QUESTIONS_LEFT}): on which data?`,
    ignoreFocusOut: true,
  };
  const choice = await vscode.window.showQuickPick(items, options);
  if (!choice) throw new Cancelled();
  if (choice === SAMPLE) return makeSample();
  return choice.path ?? browse(root);
}

/** What the data are, where that can be told: the check of the config says what is wrong with others. */
function lookAt(services: Services, data: string): Promise<DataLook | undefined> {
  return services.datasets.look(data).catch(() => undefined);
}

/** Which of several files of each case is taken; nothing is asked where the preset takes all, or there is one. */
async function pickChannel(preset: PresetName, look: DataLook | undefined): Promise<number | undefined> {
  if (!look?.channels || typeof presetConfig(preset).data.channel !== 'number') return undefined;
  const items = look.channels.map((name, channel) =>
    plainItem({ label: name === '' ? `channel ${channel}` : name, channel }),
  );
  const options = { title: `Each case has ${items.length} channels: train on which one?`, ignoreFocusOut: true };
  const choice = await vscode.window.showQuickPick(items, options);
  if (!choice) throw new Cancelled();
  return choice.channel;
}

/** Makes a sample dataset on the way. @returns its datalist */
async function makeSample(): Promise<string> {
  const made = await vscode.commands.executeCommand<SampleDataset | undefined>('voco.makeSampleDataset', QUIETLY);
  if (!made) throw new Cancelled();
  return made.datalist;
}

async function pickName(root: vscode.Uri, preset: PresetName, asked: number): Promise<string> {
  const name = await vscode.window.showInputBox({
    title: `New Experiment (${asked + QUESTIONS_LEFT} of ${asked + QUESTIONS_LEFT}): name`,
    prompt: `The config becomes NAME${CONFIG_SUFFIX} in ${basename(root.fsPath)}; run folders start with the name`,
    value: preset,
    ignoreFocusOut: true,
    validateInput: (value) => {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/.test(value)) return 'Use letters, digits, ".", "_" and "-"';
      return existsSync(join(root.fsPath, value + CONFIG_SUFFIX))
        ? 'There is a config of this name already'
        : undefined;
    },
  });
  if (name === undefined) throw new Cancelled();
  return name;
}

export const newExperimentCommand: CommandDefinition = {
  id: 'voco.newExperiment',
  async run(services, argument) {
    const root = requireFolder('Open a folder first: the config and its runs are written into it.');
    const { start, questions } = await pickStart();
    const { preset, network, schedule } = start;
    const data = await pickData(services, root, argument, questions);
    const found = await lookAt(services, data);
    const channel = await pickChannel(preset, found);
    const name = await pickName(root, preset, questions);
    const file = join(root.fsPath, name + CONFIG_SUFFIX);
    const path = relative(root.fsPath, data).split('\\').join('/') || '.';
    await checkOutputs({ outputs: [file], inputs: [data] });
    await writeFileAtomically(file, presetText(preset, { data: path, name, found, channel, network, schedule }));
    const uri = vscode.Uri.file(file);
    await vscode.window.showTextDocument(uri, { preview: false });
    services.walkthrough.done('config');
    return uri;
  },
};
