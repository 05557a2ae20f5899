import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import type { CheckpointContract } from '../../protocol/checkpoint';
import { PanelPage } from '../panel/page';
import type { Services } from '../services';
import { connectThread } from '../../rpc/threads';
import type { CheckpointCalls } from '../../runs/describeWorker';

export const CHECKPOINT_EDITOR = 'voco.checkpoint';
/** The same editor for .bin, an ending that other files have as well: it is offered, and not taken unasked. */
const BIN_EDITOR = 'voco.checkpointBin';

export const isCheckpointEditor = (viewType: string): boolean => [CHECKPOINT_EDITOR, BIN_EDITOR].includes(viewType);

const COMMANDS = {
  export: 'voco.exportCheckpoint',
  import: 'voco.importCheckpoint',
  compare: 'voco.compareCheckpoints',
  finetune: 'voco.finetune',
} as const;

/** Shows what is in a file of weights. The reading is done in a thread, of names and shapes first; nothing is executed. */
class CheckpointEditor implements vscode.CustomReadonlyEditorProvider {
  constructor(private readonly services: Services) {}

  openCustomDocument(uri: vscode.Uri): vscode.CustomDocument {
    if (uri.scheme !== 'file') throw new Error('Only checkpoints that are files on this machine can be shown.');
    return { uri, dispose: () => undefined };
  }

  resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): void {
    const { context } = this.services;
    const file = uri.fsPath;
    const page = new PanelPage(this.services, panel, { bundle: 'checkpoint', title: 'Checkpoint' });
    const thread = page.own(
      connectThread<CheckpointCalls>({
        script: context.asAbsolutePath('dist/checkpoint-worker.cjs'),
        name: 'VoCo checkpoint',
        tooLarge: 'This tensor is too large for the memory of this machine.',
      }),
    );
    const server = page.serve<CheckpointContract>({
      describe: () => thread.call('describe', [file]),
      statistics: ({ tensor }) => thread.call('statistics', [file, tensor]),
      act: async ({ action }) => {
        await act(action, uri);
        return null;
      },
    });
    const pattern = new vscode.RelativePattern(vscode.Uri.file(dirname(file)), basename(file));
    const watcher = page.own(vscode.workspace.createFileSystemWatcher(pattern));
    const tell = (): void => server.send('changed', null);
    for (const event of [watcher.onDidChange, watcher.onDidCreate, watcher.onDidDelete]) event(tell);
  }
}

async function act(action: keyof typeof COMMANDS, uri: vscode.Uri): Promise<void> {
  const command = COMMANDS[action];
  const known = await vscode.commands.getCommands(true);
  if (!known.includes(command)) throw new UserError(`The command ${command} is not part of this version.`);
  await vscode.commands.executeCommand(command, uri);
}

/** Registers the editor of checkpoint files; reads nothing until one is opened. */
export function registerCheckpointEditor(services: Services): vscode.Disposable {
  const provider = new CheckpointEditor(services);
  const options = { supportsMultipleEditorsPerDocument: true, webviewOptions: { retainContextWhenHidden: false } };
  return vscode.Disposable.from(
    ...[CHECKPOINT_EDITOR, BIN_EDITOR].map((viewType) =>
      vscode.window.registerCustomEditorProvider(viewType, provider, options),
    ),
  );
}
