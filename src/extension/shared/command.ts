import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import type { Services } from '../services';
import { withoutLinks } from '../../text';
import { showError, showInfo } from './notify';

/** A command of the palette. It works without an argument; menus and views pass the item they belong to and all that is selected. */
export interface CommandDefinition {
  readonly id: string;
  run(services: Services, argument?: unknown, selected?: unknown): Promise<unknown> | unknown;
}

/** A command that needs an open folder was called without one: the message comes with a button to open one. */
export class NoFolder extends UserError {}

/** @throws NoFolder with `why` where no folder is open. */
export function requireFolder(why: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!folder) throw new NoFolder(why);
  return folder;
}

/** The user closed a dialog or pressed Cancel: nothing to report. */
export class Cancelled extends Error {}

const isCancelled = (error: unknown): boolean =>
  error instanceof Cancelled || (error instanceof Error && error.name === 'AbortError');

/** Shows an error where the user is, with a button to what may explain it. */
export function report(services: Services, error: unknown): void {
  if (isCancelled(error)) return;
  if (error instanceof NoFolder) return offerFolder(error.message);
  const { log } = services;
  const user = error instanceof UserError;
  log.error(user ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error));
  const text = user ? error.message : `VoCo: internal error: ${error instanceof Error ? error.message : String(error)}`;
  const showLog = 'Show Log';
  void showError(text, showLog).then((choice) => {
    if (choice === showLog) log.show();
  });
}

function offerFolder(text: string): void {
  const open = 'Open Folder';
  void showInfo(text, open).then((choice) => {
    if (choice === open) void vscode.commands.executeCommand('vscode.openFolder');
  });
}

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string; readonly enablement?: string }[] };
}

/**
 * Refuses a command that the manifest enables in trusted folders alone: menus hide it, but buttons and other programs can still
 * call it.
 *
 * @throws UserError
 */
function refuseUntrusted({ context }: Services, id: string): void {
  if (vscode.workspace.isTrusted) return;
  const { commands } = (context.extension.packageJSON as Manifest).contributes;
  const entry = commands.find(({ command }) => command === id);
  if (!entry?.enablement?.includes('isWorkspaceTrusted')) return;
  throw new UserError(
    'This folder is not trusted. Trust it (command “Workspaces: Manage Workspace Trust”) to do this.',
  );
}

export function registerCommand(services: Services, command: CommandDefinition): vscode.Disposable {
  return vscode.commands.registerCommand(command.id, async (argument?: unknown, selected?: unknown) => {
    try {
      refuseUntrusted(services, command.id);
      return await command.run(services, argument, selected);
    } catch (error) {
      report(services, error);
      return undefined;
    }
  });
}

/** Runs something long with a notification that can be cancelled; cancelling throws the signal's AbortError. */
export async function withProgress<T>(
  title: string,
  task: (signal: AbortSignal, say: (message: string) => void) => Promise<T>,
): Promise<T> {
  const options = { location: vscode.ProgressLocation.Notification, title: withoutLinks(title), cancellable: true };
  return vscode.window.withProgress(options, async (progress, token) => {
    const controller = new AbortController();
    const subscription = token.onCancellationRequested(() => controller.abort());
    try {
      return await task(controller.signal, (message) => progress.report({ message: withoutLinks(message) }));
    } finally {
      subscription.dispose();
    }
  });
}
