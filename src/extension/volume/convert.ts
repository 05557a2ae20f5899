import { basename, dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { isPartOfDicomFolder, mayHoldSeries } from '../../files/dicomFolder';
import { withoutVolumeEnding } from '../../files/volumeNames';
import { runTool, type Program } from '../../jobs/process';
import { counted } from '../../text';
import type { SeriesEntry, SeriesList } from '../../volume';
import { Cancelled, withProgress, type CommandDefinition } from '../shared/command';
import { openVolume } from './openVolume';
import { plainItem, showInfo, showWarning } from '../shared/notify';
import { over } from '../shared/saveFile';

/** The file or folder of a menu, or one that the user chooses. */
async function pickInput(clicked: unknown): Promise<string> {
  if (clicked instanceof vscode.Uri) return clicked.fsPath;
  const chosen = await vscode.window.showOpenDialog({
    title: 'Folder with DICOM files, or a volume, to convert to NIfTI',
    canSelectFiles: true,
    canSelectFolders: true,
    openLabel: 'Convert',
  });
  if (!chosen?.[0]) throw new Cancelled();
  return chosen[0].fsPath;
}

/** Runs `voco convert`; its last message is the error of one that fails. */
async function runConvert(program: Program, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { code, output, messages } = await runTool(program, ['convert', ...args], { signal });
  if (code !== 0) throw new UserError(messages.trim().split('\n').at(-1) || 'voco convert failed');
  return output;
}

/** The series to convert; undefined where the input is one volume. */
async function pickSeries(program: Program, input: string): Promise<readonly SeriesEntry[] | undefined> {
  if (!(await mayHoldSeries(input))) return undefined;
  const text = await withProgress('Looking for DICOM series', (signal) =>
    runConvert(program, [input, '--list', '--json'], signal),
  );
  const { series } = JSON.parse(text) as SeriesList;
  if (series.length < 2) return undefined;
  const items = series.map((entry) =>
    plainItem({
      label: entry.description || `Series ${entry.number ?? ''}`.trim(),
      description: [entry.modality, counted(entry.slices, 'slice'), `${entry.columns}×${entry.rows}`].join(', '),
      detail: [entry.part || entry.plane, entry.folder].filter((part) => part !== '').join(' · '),
      chosen: [entry],
    }),
  );
  const all = { label: `All ${series.length} series`, description: 'one file each', detail: '', chosen: [...series] };
  const chosen = await vscode.window.showQuickPick([...items, all], {
    title: `${basename(input)} holds ${series.length} series: convert which?`,
    matchOnDescription: true,
    ignoreFocusOut: true,
  });
  if (!chosen) throw new Cancelled();
  return chosen.chosen;
}

/** A name that can be a file's. */
const plain = (text: string): string => text.replaceAll(/[^\p{L}\p{N}._-]+/gu, '_').replaceAll(/^_+|_+$/g, '');

function nameOf(input: string, entry: SeriesEntry | undefined): string {
  const base = plain(withoutVolumeEnding(basename(input)));
  const tail = entry
    ? plain(
        `${entry.number ?? entry.uid.slice(-6)}-${entry.description}${entry.key.includes('#') ? `-${entry.key.split('#')[1]}` : ''}`,
      )
    : '';
  return `${[base, tail].filter((part) => part !== '').join('-')}.nii.gz`;
}

/** Where the files go: asked for one, a folder for several. */
async function targets(input: string, entries: readonly (SeriesEntry | undefined)[]): Promise<string[]> {
  // Not into a folder of slices, which is read as a whole.
  const slices = isPartOfDicomFolder(input);
  const home = slices ? dirname(dirname(input)) : dirname(input);
  if (entries.length === 1) {
    const chosen = await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.file(join(home, nameOf(input, entries[0]))),
      filters: { 'NIfTI volumes': ['gz', 'nii'] },
      saveLabel: 'Convert',
    });
    if (!chosen) throw new Cancelled();
    return [/\.nii(\.gz)?$/i.test(chosen.fsPath) ? chosen.fsPath : `${chosen.fsPath.replace(/\.gz$/i, '')}.nii.gz`];
  }
  const chosen = await vscode.window.showOpenDialog({
    title: 'Folder for the NIfTI files',
    canSelectFiles: false,
    canSelectFolders: true,
    defaultUri: vscode.Uri.file(home),
    openLabel: 'Convert to Here',
  });
  if (!chosen?.[0]) throw new Cancelled();
  return entries.map((entry) => join(chosen[0]!.fsPath, nameOf(input, entry)));
}

/** “Convert to NIfTI…”: writes a DICOM series or a volume of another format as NIfTI and opens it. */
export const convertCommand: CommandDefinition = {
  id: 'voco.convert',
  async run(services, argument) {
    const input = await pickInput(argument);
    const program = await services.program();
    const entries = (await pickSeries(program, input)) ?? [undefined];
    const files = await targets(input, entries);
    const warnings = await withProgress('Converting to NIfTI', async (signal, say) => {
      const told: string[] = [];
      for (const [i, entry] of entries.entries()) {
        if (entries.length > 1) say(`${i + 1} of ${entries.length}`);
        // Of one file that is there the dialog has asked; several are never put over others.
        const force = entries.length === 1 ? over(files[i]!) : [];
        const series = entry ? ['--series', entry.key] : [];
        const output = await runConvert(program, [input, '--out', files[i]!, ...series, ...force, '--json'], signal);
        told.push(...(JSON.parse(output) as { warnings: string[] }).warnings);
      }
      return told;
    });
    await openVolume(vscode.Uri.file(files[0]!));
    if (warnings.length > 0) void showWarning(`${basename(files[0]!)}: ${warnings.join('; ')}`);
    else if (files.length > 1) void showInfo(`${counted(files.length, 'volume')} are in ${dirname(files[0]!)}.`);
    return files;
  },
};
