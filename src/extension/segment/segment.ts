import { configOfCheckpoint } from '../../config/ofCheckpoint';
import { downstreamFor } from '../../downstream/descriptors';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { resolveTask, type FinetuneConfig } from '../../config';
import { UserError } from '../../errors/userError';
import { makeFolder } from '../../files/folders';
import { withoutVolumeEnding } from '../../files/volumeNames';
import { runTool } from '../../jobs/process';
import { readSafetensorsHeader } from '../../runs/safetensors';
import { runLabel } from '../../runs/runDirectory';
import { openVolume } from '../volume/openVolume';
import { isVolumeUri, activeVolume } from '../volume/volumeFiles';
import { askForVolumes } from '../volume/session';
import type { Services } from '../services';
import { chosenDevice } from '../shared/settings';
import { Cancelled, withProgress, type CommandDefinition } from '../shared/command';
import { checkpointOf, pickCheckpoint } from '../checkpoint/pickCheckpoint';
import { showInfo } from '../shared/notify';
import { chosenSettings } from './settings';

/** Where segmentations go: not beside the images, where a folder of training images would take them for volumes. */
const FOLDER = 'segmentations';

/** The volumes that a menu belongs to, the one in the active editor, or those that the user chooses. */
async function pickImages(clicked: unknown, selected: unknown): Promise<string[]> {
  const uris = Array.isArray(selected) && selected.length > 0 ? (selected as unknown[]) : [clicked];
  const given = uris.flatMap((uri) => (uri instanceof vscode.Uri && isVolumeUri(uri) ? [uri.fsPath] : []));
  if (given.length > 0) return given;
  const open = activeVolume();
  if (open) return [open.fsPath];
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  const chosen = await askForVolumes('Image to segment', folder && join(folder, 'image'), true);
  if (chosen.length === 0) throw new Cancelled();
  return chosen;
}

/** @throws UserError for weights that cannot segment. */
async function configOf(checkpoint: string): Promise<FinetuneConfig> {
  const { metadata } = await readSafetensorsHeader(checkpoint);
  if (metadata.kind !== 'finetune' || metadata.config === undefined) {
    throw new UserError(
      `${checkpoint}: is not a fine-tuning checkpoint; fine-tune the weights first (VoCo: Fine-tune)`,
    );
  }
  const config = configOfCheckpoint(checkpoint, metadata, 'finetune');
  if (!downstreamFor(resolveTask(config.task).output).labelMaps) {
    throw new UserError(`${checkpoint}: classifies whole volumes and cannot segment; see VoCo: Evaluate`);
  }
  return config;
}

async function pickWeights(services: Services): Promise<string> {
  await services.finder.start();
  const runs = services.registry.runs.filter(({ state }) => state.kind === 'finetune' && state.step > 0);
  return (await pickCheckpoint(runs, { title: 'Segment with which checkpoint?' }))!;
}

/** Several files are the channels of one case where the network takes as many. */
function casesOf(images: readonly string[], config: FinetuneConfig): string[] {
  const channels = config.network.inChannels;
  return channels > 1 && images.length === channels ? [[...images].sort().join(',')] : [...images];
}

/** A file that is not there yet: NAME-of-RUN.nii.gz, or with a number. */
function freeFile(folder: string, image: string, run: string): string {
  const name = `${withoutVolumeEnding(basename(image))}-${run}`;
  for (let attempt = 1; ; attempt++) {
    const file = join(folder, `${attempt === 1 ? name : `${name}-${attempt}`}.nii.gz`);
    if (!existsSync(file)) return file;
  }
}

/** Shows the last progress line of `voco segment` as a share. */
function reporter(say: (message: string) => void, of: string): (line: string) => void {
  return (line) => {
    const share = /(\d+)\/100\b/.exec(line)?.[1];
    if (share !== undefined) say(`${of}${share} %`);
    else if (/^device:/.test(line)) say(`${of}on ${line.slice('device:'.length).trim()}`);
  };
}

async function segmentAll(services: Services, checkpoint: string, cases: readonly string[]): Promise<string[]> {
  const program = await services.program();
  const device = chosenDevice();
  const run = runLabel(dirname(dirname(checkpoint)));
  return withProgress('Segmenting', async (signal, say) => {
    const files: string[] = [];
    const settings: string[] = [];
    for (const [index, item] of cases.entries()) {
      const image = item.split(',')[0]!;
      const root =
        vscode.workspace.getWorkspaceFolder(vscode.Uri.file(image)) ?? vscode.workspace.workspaceFolders?.[0];
      const folder = join(root?.uri.fsPath ?? dirname(image), FOLDER);
      await makeFolder(folder);
      const out = freeFile(folder, image, run);
      const args = ['segment', item, '--checkpoint', checkpoint, '--out', out, ...(device ? ['--device', device] : [])];
      const of = cases.length > 1 ? `${index + 1} of ${cases.length}: ` : '';
      for (;;) {
        const options = { signal, onMessage: reporter(say, of) };
        const result = await runTool(program, [...args, ...settings.flatMap((pair) => ['--set', pair])], options);
        if (result.code === 0) break;
        // What is said of how one image is stored holds for those after it, too.
        settings.push(...(await chosenSettings(result.messages.trim().split('\n').at(-1) || `${image}: failed`)));
      }
      files.push(out);
    }
    return files;
  });
}

/** “Segment with Checkpoint…”: writes label maps on the images' own grids and opens the first on its image. */
export const segmentCommand: CommandDefinition = {
  id: 'voco.segment',
  async run(services, argument, selected) {
    const given = checkpointOf(argument);
    const images = await pickImages(argument, selected);
    const checkpoint = given ?? (await pickWeights(services));
    const cases = casesOf(images, await configOf(checkpoint));
    const files = await segmentAll(services, checkpoint, cases);
    const image = vscode.Uri.file(cases[0]!.split(',')[0]!);
    await openVolume(image, { overlays: [{ uri: vscode.Uri.file(files[0]!), name: 'prediction', mode: 'labels' }] });
    if (files.length > 1) {
      void showInfo(`${files.length} segmentations are in ${dirname(files[0]!)}.`);
    }
    return files;
  },
};
