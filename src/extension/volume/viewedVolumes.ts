import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { startVolume, type VolumeClient } from '../../viewer/client';

/** Changes of a file come in bursts while it is written: it is read when it has been quiet for so long. */
const QUIET_MS = 400;

/** One file that is shown somewhere: its thread, renewed when the file changes on disk. */
export class ViewedVolume {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly troubled = new vscode.EventEmitter<string>();
  /** The file was read again. */
  readonly onDidChange = this.changed.event;
  /** Why the file on disk can't be read now, or '' when it is well again. */
  readonly onTrouble = this.troubled.event;
  private current: VolumeClient;
  private readonly watcher: vscode.FileSystemWatcher;
  private timer?: ReturnType<typeof setTimeout>;
  private users = 0;
  private readAgain = false;
  private reading = false;

  constructor(
    private readonly script: string,
    readonly path: string,
    private readonly onUnused: () => void,
  ) {
    this.current = this.start();
    const literal = basename(path).replace(/[[\]{}*?]/g, '[$&]');
    this.watcher = vscode.workspace.createFileSystemWatcher(
      new vscode.RelativePattern(vscode.Uri.file(dirname(path)), literal),
    );
    this.watcher.onDidChange(() => this.touched());
    this.watcher.onDidCreate(() => this.touched());
    this.watcher.onDidDelete(() => this.touched());
  }

  get client(): VolumeClient {
    return this.current;
  }

  /** Counts one more user; dispose what is returned to count it out. */
  use(): vscode.Disposable {
    this.users += 1;
    let done = false;
    return new vscode.Disposable(() => {
      if (done) return;
      done = true;
      this.users -= 1;
      if (this.users === 0) this.dispose();
    });
  }

  private start(): VolumeClient {
    const client = startVolume(this.script, this.path);
    // Reading starts before anyone asks; who asks gets the error.
    client.call('load', []).catch(() => undefined);
    return client;
  }

  private touched(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.readOnceMore(), QUIET_MS);
  }

  /** Reads the new version beside the old one, which stays when the new one can't be read (deleted, half written). */
  private async readOnceMore(): Promise<void> {
    if (this.reading) {
      this.readAgain = true;
      return;
    }
    this.reading = true;
    try {
      await stat(this.path).catch(() => {
        throw new Error('The file was deleted or moved; the panel shows its last content.');
      });
      const next = this.start();
      try {
        await next.call('load', []);
      } catch (error) {
        next.dispose();
        throw error;
      }
      if (this.users === 0) return next.dispose();
      this.current.dispose();
      this.current = next;
      this.changed.fire();
      this.troubled.fire('');
    } catch (error) {
      this.troubled.fire(error instanceof Error ? error.message : String(error));
    } finally {
      this.reading = false;
      if (this.readAgain) {
        this.readAgain = false;
        this.touched();
      }
    }
  }

  private dispose(): void {
    clearTimeout(this.timer);
    this.watcher.dispose();
    this.current.dispose();
    this.changed.dispose();
    this.troubled.dispose();
    this.onUnused();
  }
}

/** The volumes that are open, each read once however many panels show it. */
export class ViewedVolumes {
  private readonly volumes = new Map<string, ViewedVolume>();

  /** @param script the bundled `volume-worker.cjs`. */
  constructor(private readonly script: string) {}

  get(path: string): ViewedVolume {
    const known = this.volumes.get(path);
    if (known) return known;
    const volume = new ViewedVolume(this.script, path, () => this.volumes.delete(path));
    this.volumes.set(path, volume);
    return volume;
  }
}
