import { join, relative } from 'node:path';
import * as vscode from 'vscode';
import {
  presetConfig,
  presetDescriptions,
  presetNames,
  presetsOfTask,
  presetText,
  type PresetName,
} from '../../config';
import { networksFor } from '../../config/pairs';
import { pretextDescriptors } from '../../pretext/descriptors';
import { writeFileAtomically } from '../../files/atomic';
import { checkOutputs } from '../../files/outputs';
import { CONFIG_SUFFIX } from '../config/configFiles';
import { requireFolder, type CommandDefinition } from '../shared/command';
import { choose, lookAt, pickChannel, pickData, pickName, scheduleChoices } from './questions';

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

/** What is to be trained: a pretext task, its preset and its network, or a preset of a fine-tuning and its schedule. */
async function pickStart(): Promise<{ start: Start; questions: number }> {
  const what = await choose('New Experiment (1): what is to be trained?', trainChoices());
  if ('preset' in what) {
    const title = `New Experiment (2 of ${2 + QUESTIONS_LEFT}): what is trained when?`;
    const { schedule } = await choose(title, scheduleChoices());
    return { start: { preset: what.preset, schedule }, questions: 2 };
  }
  const questions = 3 + QUESTIONS_LEFT;
  const presets = presetsOfTask(what.task).map((preset) => ({
    label: preset,
    detail: presetDescriptions[preset],
    preset,
  }));
  const { preset } = await choose(`New Experiment (2 of ${questions}): start from which preset?`, presets);
  const network = await choose(`New Experiment (3 of ${questions}): which network?`, networkChoices(what.task, preset));
  return { start: { preset, network: network.label }, questions: 3 };
}

export const newExperimentCommand: CommandDefinition = {
  id: 'voco.newExperiment',
  async run(services, argument) {
    const root = requireFolder('Open a folder first: the config and its runs are written into it.');
    const { start, questions } = await pickStart();
    const { preset, network, schedule } = start;
    const total = questions + QUESTIONS_LEFT;
    const data = await pickData(
      services,
      root,
      argument,
      `New Experiment (${questions + 1} of ${total}): on which data?`,
    );
    const found = await lookAt(services, data);
    const channel = await pickChannel(preset, found);
    const name = await pickName(root, preset, `New Experiment (${total} of ${total}): name`);
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
