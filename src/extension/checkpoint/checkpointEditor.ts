import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import type { CheckpointContract } from '../../protocol/checkpoint';
import { panelPage, panelRoots } from '../panel/html';
import { servePanel } from '../panel/panelServer';
import type { Services } from '../services';
import { ThreadClient } from '../../rpc/threadClient';
import type { CheckpointThread } from '../../runs/inspectWorker';

export const CHECKPOINT_EDITOR = 'voco.checkpoint';

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
    if (uri.scheme !== 'file') throw new Error('Only a checkpoint that is a file on this machine can be shown.');
    return { uri, dispose: () => undefined };
  }

  resolveCustomEditor({ uri }: vscode.CustomDocument, panel: vscode.WebviewPanel): void {
    const { context, log } = this.services;
    const file = uri.fsPath;
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(context.extensionUri) };
    const thread = new ThreadClient<CheckpointThread>({
      script: context.asAbsolutePath('dist/checkpoint-worker.cjs'),
      name: 'VoCo checkpoint',
      tooLarge: 'This tensor is too large for the memory of this machine.',
    });
    const server = servePanel<CheckpointContract>(
      panel.webview,
      {
        describe: () => thread.call('describe', file),
        statistics: ({ tensor }) => thread.call('statistics', file, tensor),
        act: async ({ action }) => {
          const command = COMMANDS[action];
          const known = await vscode.commands.getCommands(true);
          if (!known.includes(command)) throw new UserError(`The command ${command} is not part of this version.`);
          await vscode.commands.executeCommand(command, uri);
          return null;
        },
      },
      (error) => log.error(String(error)),
    );
    const pattern = new vscode.RelativePattern(vscode.Uri.file(dirname(file)), basename(file));
    const watcher = vscode.workspace.createFileSystemWatcher(pattern);
    const tell = (): void => server.send('changed', null);
    const events = [watcher.onDidChange(tell), watcher.onDidCreate(tell), watcher.onDidDelete(tell)];
    panel.onDidDispose(() => {
      for (const part of [server, thread, watcher, ...events]) part.dispose();
    });
    const title = 'Checkpoint';
    panel.webview.html = panelPage(panel.webview, context.extensionUri, { bundle: 'checkpoint', title });
  }
}

/** Registers the editor of checkpoint files; reads nothing until one is opened. */
export function registerCheckpointEditor(services: Services): vscode.Disposable {
  return vscode.window.registerCustomEditorProvider(CHECKPOINT_EDITOR, new CheckpointEditor(services), {
    supportsMultipleEditorsPerDocument: true,
    webviewOptions: { retainContextWhenHidden: false },
  });
}
