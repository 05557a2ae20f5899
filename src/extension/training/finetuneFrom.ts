import { basename, join, relative } from 'node:path';
import * as vscode from 'vscode';
import type { PresetName } from '../../config';
import { UserError } from '../../errors/userError';
import { runTool } from '../../jobs/process';
import type { StartReport } from '../../protocol/start';
import { shownFile } from '../checkpoint/importExport';
import { checkpointOf, pickCheckpoint } from '../checkpoint/pickCheckpoint';
import { CONFIG_SUFFIX } from '../config/configFiles';
import type { Services } from '../services';
import { requireFolder, withProgress, type CommandDefinition } from '../shared/command';
import { showInfo } from '../shared/notify';
import { choose, lookAt, pickChannel, pickData, pickName, scheduleChoices } from './questions';

const TITLE = 'Fine-tune from This Checkpoint';
const TOTAL = 4;

const nth = (number: number, question: string): string => `${TITLE} (${number} of ${TOTAL}): ${question}`;

/** The checkpoint of a menu or an editor, or one that the user picks. */
async function fileFor(services: Services, argument: unknown): Promise<string> {
  const given =
    argument instanceof vscode.Uri ? argument.fsPath : (checkpointOf(argument) ?? shownFile(['safetensors']));
  if (given !== undefined) return given;
  await services.finder.start();
  const trained = services.registry.runs.filter(({ state }) => state.kind === 'pretrain' && state.step > 0);
  return (await pickCheckpoint(trained, { title: 'Fine-tune from which checkpoint?' }))!;
}

/** Runs `voco init` in the folder of the workspace. @throws UserError with its last complaint */
async function init(services: Services, cwd: string, title: string, args: readonly string[]): Promise<string> {
  const program = await services.program();
  const result = await withProgress(title, (signal) => runTool(program, ['init', ...args], { signal, cwd }));
  if (result.code === 0) return result.output;
  const line = result.messages.split(/\r?\n/).filter((one) => one.trim() !== '').at(-1); // prettier-ignore
  throw new UserError(line ?? `voco init ended with ${result.code ?? result.signal}`);
}

/** “Fine-tune from This Checkpoint”: a config with the network of a checkpoint, and what belongs to it. */
export const finetuneFromCommand: CommandDefinition = {
  id: 'voco.finetuneFrom',
  async run(services, argument) {
    const root = requireFolder('Open a folder first: the config and its runs are written into it.');
    const file = await fileFor(services, argument);
    const text = await init(services, root.fsPath, `Reading ${basename(file)}`, ['--list', '--json', '--from', file]);
    const { presets, lines } = JSON.parse(text) as StartReport;
    for (const line of lines) services.log.info(line);
    const fitting = presets.map(({ name, description }) => ({ label: name, detail: description }));
    const { label: preset } = await choose(nth(1, 'start from which preset?'), fitting);
    const { schedule } = await choose(nth(2, 'what is trained when?'), scheduleChoices());
    const data = await pickData(services, root, undefined, nth(3, 'on which data?'));
    const channel = await pickChannel(preset as PresetName, await lookAt(services, data));
    const name = await pickName(root, preset, nth(4, 'name'));
    const config = join(root.fsPath, name + CONFIG_SUFFIX);
    // The config names both as they lie from its folder.
    const within = (path: string): string => relative(root.fsPath, path) || '.';
    await init(services, root.fsPath, `Writing ${basename(config)}`, [
      config,
      ...['--from', within(file), '--preset', preset, '--data', within(data), '--name', name],
      ...(schedule === undefined ? [] : ['--schedule', schedule]),
      ...(channel === undefined ? [] : ['--channel', String(channel)]),
    ]);
    const uri = vscode.Uri.file(config);
    await vscode.window.showTextDocument(uri, { preview: false });
    void showInfo(`From ${basename(file)}: ${lines[0]}.`);
    services.walkthrough.done('config');
    return uri;
  },
};
