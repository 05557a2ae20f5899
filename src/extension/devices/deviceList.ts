import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { runTool, type Program } from '../../jobs/process';

/** A device as `voco devices --json` tells of it. */
export interface Device {
  readonly name: string;
  readonly usable: boolean;
  readonly description?: string;
  readonly reason?: string;
  readonly memoryBytes?: number;
}

/** The devices of this machine. Looked for when somebody wants to see them, since that starts a process. */
export class DeviceList {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;
  private found: Promise<readonly Device[]> | undefined;
  /** The last answer; undefined before the first. */
  current: readonly Device[] | undefined;

  constructor(private readonly program: () => Promise<Program>) {}

  /** The devices, looked for once. @throws UserError when the look-up fails. */
  list(signal?: AbortSignal): Promise<readonly Device[]> {
    this.found ??= this.look(signal).catch((error: unknown) => {
      this.found = undefined;
      throw error;
    });
    return this.found;
  }

  /** Looks again. */
  refresh(signal?: AbortSignal): Promise<readonly Device[]> {
    this.found = undefined;
    return this.list(signal);
  }

  dispose(): void {
    this.changed.dispose();
  }

  private async look(signal?: AbortSignal): Promise<readonly Device[]> {
    const result = await runTool(await this.program(), ['devices', '--json'], { signal });
    if (result.code !== 0) throw new UserError(`the devices cannot be listed: ${result.messages.trim()}`);
    this.current = JSON.parse(result.output) as Device[];
    this.changed.fire();
    return this.current;
  }
}
