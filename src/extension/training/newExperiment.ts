import { existsSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import * as vscode from 'vscode';
import { presetDescriptions, presetNames, presetText, type PresetName } from '../../config';
import { writeFileAtomically } from '../../files/atomic';
import { CONFIG_SUFFIX } from '../config/configFiles';
import { QUIETLY, type SampleDataset } from '../datasets/makeSampleDataset';
import { Cancelled, requireFolder, type CommandDefinition } from '../shared/command';

interface DataChoice extends vscode.QuickPickItem {
  readonly path?: string;
}

const MAX_OFFERED = 100;
/** For a new user without data. */
const SAMPLE: DataChoice = { label: '$(beaker) Make a sample dataset of synthetic CT…' };

async function pickPreset(): Promise<PresetName> {
  const items = presetNames.map((name) => ({ label: name, detail: presetDescriptions[name], name }));
  const options = {
    title: 'New Experiment (1 of 3): start from which preset?',
    matchOnDetail: true,
    ignoreFocusOut: true,
  };
  const choice = await vscode.window.showQuickPick(items, options);
  if (!choice) throw new Cancelled();
  return choice.name;
}

/** Datalists and folders of volumes in the workspace. */
async function findData(root: string): Promise<DataChoice[]> {
  const exclude = '**/{node_modules,runs,.trash}/**';
  const volumes = await vscode.workspace.findFiles('**/*.{nii,nii.gz,nrrd,nhdr,mha,mhd,mgz,mgh,dcm}', exclude, 2000);
  const lists = await vscode.workspace.findFiles('**/dataset*.json', exclude, MAX_OFFERED);
  const counts = new Map<string, number>();
  for (const { fsPath } of volumes) counts.set(dirname(fsPath), (counts.get(dirname(fsPath)) ?? 0) + 1);
  const shown = (path: string): string => relative(root, path) || '.';
  return [
    ...lists.map(({ fsPath }) => ({ label: `$(json) ${shown(fsPath)}`, description: 'datalist', path: fsPath })),
    ...[...counts]
      .slice(0, MAX_OFFERED)
      .map(([path, count]) => ({ label: `$(folder) ${shown(path)}`, description: `${count} volumes`, path })),
  ];
}

async function browse(root: vscode.Uri): Promise<string> {
  const picked = await vscode.window.showOpenDialog({
    title: 'Folder of volumes, or datalist',
    defaultUri: root,
    canSelectFiles: true,
    canSelectFolders: true,
    filters: { Datalists: ['json'] },
  });
  if (!picked?.[0]) throw new Cancelled();
  return picked[0].fsPath;
}

async function pickData(root: vscode.Uri, argument: unknown): Promise<string> {
  if (argument instanceof vscode.Uri) return argument.fsPath;
  const other: DataChoice = { label: '$(folder-opened) Another folder or datalist…' };
  const items = findData(root.fsPath).then((found) => [
    ...found,
    other,
    ...(found.length === 0 && vscode.workspace.isTrusted ? [SAMPLE] : []),
  ]);
  const options = { title: 'New Experiment (2 of 3): on which data?', ignoreFocusOut: true };
  const choice = await vscode.window.showQuickPick(items, options);
  if (!choice) throw new Cancelled();
  if (choice === SAMPLE) return makeSample();
  return choice.path ?? browse(root);
}

/** Makes a sample dataset on the way. @returns its datalist */
async function makeSample(): Promise<string> {
  const made = await vscode.commands.executeCommand<SampleDataset | undefined>('voco.makeSampleDataset', QUIETLY);
  if (!made) throw new Cancelled();
  return made.datalist;
}

async function pickName(root: vscode.Uri, preset: PresetName): Promise<string> {
  const name = await vscode.window.showInputBox({
    title: 'New Experiment (3 of 3): name',
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
    const preset = await pickPreset();
    const data = await pickData(root, argument);
    const name = await pickName(root, preset);
    const file = join(root.fsPath, name + CONFIG_SUFFIX);
    const path = relative(root.fsPath, data).split('\\').join('/') || '.';
    await writeFileAtomically(file, presetText(preset, { data: path, name }));
    const uri = vscode.Uri.file(file);
    await vscode.window.showTextDocument(uri, { preview: false });
    services.walkthrough.done('config');
    return uri;
  },
};
