import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { runTool, type Program } from '../../jobs/process';
import type { ListedDevice } from '../../protocol/devices';

/** The devices of this machine. Looked for when somebody wants to see them, since that starts a process. */
export class DeviceList {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private found: Promise<readonly ListedDevice[]> | undefined;
  /** The last answer; undefined before the first. */
  current: readonly ListedDevice[] | undefined;

  constructor(private readonly program: () => Promise<Program>) {}

  /** The devices, looked for once. @throws UserError when the look-up fails. */
  list(signal?: AbortSignal): Promise<readonly ListedDevice[]> {
    this.found ??= this.look(signal).catch((error: unknown) => {
      this.found = undefined;
      throw error;
    });
    return this.found;
  }

  /** Looks again. */
  refresh(signal?: AbortSignal): Promise<readonly ListedDevice[]> {
    this.found = undefined;
    return this.list(signal);
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async look(signal?: AbortSignal): Promise<readonly ListedDevice[]> {
    const result = await runTool(await this.program(), ['devices', '--json'], { signal });
    if (result.code !== 0) throw new UserError(`the devices cannot be listed: ${result.messages.trim()}`);
    this.current = JSON.parse(result.output) as ListedDevice[];
    this.changed.fire();
    return this.current;
  }
}
