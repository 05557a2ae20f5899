import { stat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import * as vscode from 'vscode';
import type { RunRegistry } from '../../jobs/runRegistry';

const REMEMBERED = 'voco.runRoots';
const MAX_REMEMBERED = 50;
const MAX_RUNS = 20_000;
const STATE_FILES = '**/run.json';
/** Milliseconds after the last new run of a folder in which its other runs are looked for. */
const SIBLINGS_AFTER = 500;

/**
 * Finds run directories: anywhere in the workspace, in the folders of `voco.runFolders`, and where runs were started
 * before. The editor's own file watcher tells of new ones, so nothing is polled.
 */
export class RunFinder {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly watched = new Set<string>();
  private readonly lookingAround = new Map<string, NodeJS.Timeout>();
  private searched: Promise<void> | undefined;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly registry: RunRegistry,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Starts the first search, if there was none; resolves when it is done. */
  start(): Promise<void> {
    this.searched ??= this.search().catch(this.onError);
    return this.searched;
  }

  /** Searches everything again. */
  async search(): Promise<void> {
    this.watchWorkspace();
    const files = await vscode.workspace.findFiles(STATE_FILES, '**/{node_modules,.trash}/**', MAX_RUNS);
    await Promise.all(files.map((file) => this.registry.refresh(dirname(file.fsPath))));
    for (const root of this.outsideRoots()) await this.addRoot(root);
    // Runs that have been deleted on disk are forgotten.
    await Promise.all(this.registry.runs.map((run) => this.registry.refresh(run.dir)));
  }

  /** Remembers the folder that a run was started in, so that a run outside the workspace is found again. */
  async remember(runDir: string): Promise<void> {
    const root = dirname(resolve(runDir));
    if (this.insideWorkspace(root)) return;
    const others = this.remembered().filter((one) => one !== root);
    await this.context.workspaceState.update(REMEMBERED, [root, ...others].slice(0, MAX_REMEMBERED));
    await this.addRoot(root);
  }

  dispose(): void {
    for (const timer of this.lookingAround.values()) clearTimeout(timer);
    vscode.Disposable.from(...this.disposables).dispose();
  }

  private remembered(): string[] {
    return this.context.workspaceState.get<string[]>(REMEMBERED) ?? [];
  }

  private outsideRoots(): string[] {
    const configured = vscode.workspace.getConfiguration('voco').get<string[]>('runFolders') ?? [];
    const roots = [...configured.filter((folder) => isAbsolute(folder)), ...this.remembered()];
    return [...new Set(roots.map((root) => resolve(root)))].filter((root) => !this.insideWorkspace(root));
  }

  private insideWorkspace(path: string): boolean {
    return vscode.workspace.getWorkspaceFolder(vscode.Uri.file(path)) !== undefined || this.folderContains(path);
  }

  /** On a remote machine the workspace's folders have another scheme than `file`, but the same paths. */
  private folderContains(path: string): boolean {
    return (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => `${path}/`.startsWith(`${uri.fsPath}/`));
  }

  private watchWorkspace(): void {
    if (this.watched.has(STATE_FILES)) return;
    this.watched.add(STATE_FILES);
    this.follow(vscode.workspace.createFileSystemWatcher(STATE_FILES));
  }

  private async addRoot(root: string): Promise<void> {
    const folder = await stat(root).catch(() => undefined);
    if (!folder?.isDirectory()) return;
    await this.registry.scan(root);
    if (this.watched.has(root)) return;
    this.watched.add(root);
    const pattern = new vscode.RelativePattern(vscode.Uri.file(root), '*/run.json');
    this.follow(vscode.workspace.createFileSystemWatcher(pattern));
  }

  private follow(watcher: vscode.FileSystemWatcher): void {
    const look = (uri: vscode.Uri): void => {
      if (!uri.path.includes('/.trash/')) void this.registry.refresh(dirname(uri.fsPath)).catch(this.onError);
    };
    const create = (uri: vscode.Uri): void => {
      look(uri);
      this.lookAround(dirname(dirname(uri.fsPath)));
    };
    const subscriptions = [watcher.onDidCreate(create), watcher.onDidChange(look), watcher.onDidDelete(look)];
    this.disposables.push(watcher, ...subscriptions);
  }

  /** A watcher misses what is made in a folder in the moment before it watches it, as the first run of a study. */
  private lookAround(folder: string): void {
    if (folder.includes('/.trash')) return;
    clearTimeout(this.lookingAround.get(folder));
    const look = (): void => {
      this.lookingAround.delete(folder);
      void this.registry.scan(folder).catch(this.onError);
    };
    this.lookingAround.set(folder, setTimeout(look, SIBLINGS_AFTER));
  }
}
