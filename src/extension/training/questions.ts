import { existsSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import * as vscode from 'vscode';
import { presetConfig, scheduleDescriptions, type PresetName } from '../../config';
import { mayBeDicom } from '../../files/dicomFolder';
import { CONFIG_SUFFIX } from '../config/configFiles';
import type { DataLook } from '../../protocol/datasets';
import { QUIETLY, type SampleDataset } from '../datasets/makeSampleDataset';
import type { Services } from '../services';
import { Cancelled } from '../shared/command';
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

/** Asks for one of several. @throws Cancelled */
export async function choose<Item extends vscode.QuickPickItem>(title: string, items: readonly Item[]): Promise<Item> {
  const options = { title, matchOnDetail: true, matchOnDescription: true, ignoreFocusOut: true };
  const choice = await vscode.window.showQuickPick(items, options);
  if (!choice) throw new Cancelled();
  return choice;
}

/** The fine-tuning schedules, the preset's own first. */
export function scheduleChoices() {
  const own = { label: 'as in the preset', description: 'One warm-up, then the rate falls', schedule: undefined };
  const others = Object.entries(scheduleDescriptions).map(([schedule, line]) => ({
    label: schedule,
    description: line,
    schedule,
  }));
  return [own, ...others];
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

/** On which data: those of a menu, or what the user picks. */
export async function pickData(
  services: Services,
  root: vscode.Uri,
  argument: unknown,
  title: string,
): Promise<string> {
  if (argument instanceof vscode.Uri) return argument.fsPath;
  const other: DataChoice = { label: '$(folder-opened) Another folder or datalist…' };
  const items = findData(services, root.fsPath).then((found) => [
    ...found,
    other,
    ...(found.length === 0 && vscode.workspace.isTrusted ? [SAMPLE] : []),
  ]);
  const choice = await vscode.window.showQuickPick(items, { title, ignoreFocusOut: true });
  if (!choice) throw new Cancelled();
  if (choice === SAMPLE) return makeSample();
  return choice.path ?? browse(root);
}

/** What the data are, where that can be told: the check of the config says what is wrong with others. */
export function lookAt(services: Services, data: string): Promise<DataLook | undefined> {
  return services.datasets.look(data).catch(() => undefined);
}

/** Which of several files of each case is taken; nothing is asked where the preset takes all, or there is one. */
export async function pickChannel(preset: PresetName, look: DataLook | undefined): Promise<number | undefined> {
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

/** The name of an experiment whose config is not there yet. */
export async function pickName(root: vscode.Uri, preset: string, title: string): Promise<string> {
  const name = await vscode.window.showInputBox({
    title,
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
