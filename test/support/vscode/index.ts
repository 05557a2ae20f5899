// A plain double of VS Code's API for unit tests, which `vitest.config.mts` puts in the place of `vscode`: dialogs are answered by
// the user that a test describes (editor.ts), files are those on disk. What the extension does not use is not there.
import { readFile, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { glob } from 'tinyglobby';
import { editor, type InputOptions, type QuickItem, type Serializer, type TreeProvider } from './editor';
import { WebviewPanel } from './panel';
import { Disposable, EventEmitter, TextDocument, Uri, type RelativePattern } from './values';

export * from './values';

const never = (): Disposable => new Disposable(() => undefined);
const isOpen = (uri: Uri): TextDocument | undefined =>
  editor.documents.find((document) => document.uri.toString() === uri.toString());

interface Titled {
  readonly title?: string;
}

class QuickPick {
  items: QuickItem[] = [];
  title = '';
  shown = false;
  private selected: QuickItem[] = [];
  private readonly accepted = new EventEmitter<void>();
  private readonly hidden = new EventEmitter<void>();
  private readonly selection = new EventEmitter<readonly QuickItem[]>();
  private readonly triggered = new EventEmitter<unknown>();
  readonly onDidAccept = this.accepted.event;
  readonly onDidHide = this.hidden.event;
  readonly onDidChangeSelection = this.selection.event;
  readonly onDidTriggerButton = this.triggered.event;

  get selectedItems(): readonly QuickItem[] {
    return this.selected;
  }

  set selectedItems(items: readonly QuickItem[]) {
    this.selected = [...items];
    this.selection.fire(items);
  }

  show(): void {
    this.shown = true;
  }

  hide(): void {
    this.shown = false;
    this.hidden.fire();
  }

  accept(): void {
    this.accepted.fire();
  }

  press(button: unknown): void {
    this.triggered.fire(button);
  }

  dispose(): void {
    this.shown = false;
  }
}

/** The lists that the extension made itself, the newest last. */
export const quickPicks: QuickPick[] = [];

const outputChannel = () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  return { lines, info: write, warn: write, error: write, show: () => write('(shown)'), dispose: () => undefined };
};

export const window = {
  get activeTextEditor() {
    return editor.activeDocument && { document: editor.activeDocument };
  },
  tabGroups: {
    get activeTabGroup() {
      return { activeTab: editor.activeTab && { input: editor.activeTab } };
    },
    onDidChangeTabs: never,
  },
  showInformationMessage: async (text: string, ...rest: unknown[]) => editor.showMessage('information', text, rest),
  showWarningMessage: async (text: string, ...rest: unknown[]) => editor.showMessage('warning', text, rest),
  showErrorMessage: async (text: string, ...rest: unknown[]) => editor.showMessage('error', text, rest),
  setStatusBarMessage: (text: string) => void editor.statusMessages.push(text),
  showQuickPick: async (items: readonly QuickItem[] | Promise<readonly QuickItem[]>, options: Titled = {}) =>
    editor.pickFrom(await items, options.title),
  showInputBox: async (options: InputOptions = {}) => editor.input(options),
  showOpenDialog: async (options: Titled = {}) => editor.chooseFiles(options.title)?.map((file) => Uri.file(file)),
  showSaveDialog: async ({ defaultUri }: { defaultUri?: Uri } = {}) => {
    const target = editor.chooseTarget(defaultUri?.fsPath);
    return target === undefined ? undefined : Uri.file(target);
  },
  createQuickPick: () => {
    const pick = new QuickPick();
    quickPicks.push(pick);
    return pick;
  },
  async showTextDocument(what: Uri | TextDocument) {
    const document = what instanceof Uri ? await workspace.openTextDocument(what) : what;
    const shown = { document, selection: undefined as unknown, revealRange: () => undefined };
    editor.shownDocuments.push(shown);
    return shown;
  },
  async withProgress<T>(
    { title }: { title: string },
    task: (
      progress: { report(value: { message: string }): void },
      token: { readonly onCancellationRequested: EventEmitter<void>['event'] },
    ) => Promise<T>,
  ): Promise<T> {
    const reports: string[] = [];
    editor.progress.push({ title, reports });
    const cancelled = new EventEmitter<void>();
    const result = task(
      { report: ({ message }) => void reports.push(message) },
      { onCancellationRequested: cancelled.event },
    );
    if (editor.cancels?.test(title)) cancelled.fire();
    return result;
  },
  createOutputChannel: outputChannel,
  createTreeView(id: string, { treeDataProvider }: { treeDataProvider: TreeProvider }) {
    editor.trees.set(id, treeDataProvider);
    const gone = (): void => void editor.trees.delete(id);
    return { reveal: async () => undefined, onDidChangeSelection: never, dispose: gone };
  },
  createWebviewPanel(viewType: string, title: string) {
    const panel = new WebviewPanel(viewType, title);
    editor.panels.push(panel);
    return panel;
  },
  registerWebviewPanelSerializer(viewType: string, serializer: Serializer) {
    editor.serializers.set(viewType, serializer);
    return new Disposable(() => editor.serializers.delete(viewType));
  },
  onDidChangeActiveTextEditor: never,
};

export const commands = {
  registerCommand(id: string, run: (...args: unknown[]) => unknown): Disposable {
    editor.commands.set(id, run);
    return new Disposable(() => editor.commands.delete(id));
  },
  async executeCommand(id: string, ...args: unknown[]): Promise<unknown> {
    editor.executed.push([id, ...args]);
    return editor.commands.get(id)?.(...args);
  },
  getCommands: async () => [...editor.commands.keys()],
};

/** Files below a folder; patterns are those of VS Code as far as they mean the same to others. */
async function filesIn(cwd: string, pattern: string, exclude: string | null | undefined): Promise<Uri[]> {
  const found = await glob(pattern, { cwd, absolute: true, dot: true, ignore: exclude ? [exclude] : [] });
  return found.map((path) => Uri.file(path));
}

const watcher = () => ({ onDidChange: never, onDidCreate: never, onDidDelete: never, dispose: () => undefined });

export const workspace = {
  get workspaceFolders() {
    return editor.folder && [{ uri: editor.folder, name: 'folder', index: 0 }];
  },
  get isTrusted() {
    return editor.trusted;
  },
  get textDocuments() {
    return editor.documents;
  },
  fs: {
    readFile: async (uri: Uri) => new Uint8Array(await readFile(uri.fsPath)),
    async delete(uri: Uri, { useTrash = false }: { recursive?: boolean; useTrash?: boolean } = {}) {
      if (useTrash && !editor.trash) throw new Error('there is no trash');
      await rm(uri.fsPath, { recursive: true });
    },
  },
  getConfiguration: () => ({
    get: <T>(key: string, otherwise?: T) => (editor.settings[key] as T | undefined) ?? otherwise,
    update: async (key: string, value: unknown) => void (editor.settings[key] = value),
  }),
  getWorkspaceFolder: (uri: Uri) =>
    editor.folder && uri.path.startsWith(`${editor.folder.path}/`) ? { uri: editor.folder } : undefined,
  asRelativePath: (path: string) => (editor.folder ? relative(editor.folder.path, path) : path),
  async findFiles(include: string | RelativePattern, exclude?: string | null, most = Infinity): Promise<Uri[]> {
    if (typeof include !== 'string') return filesIn(include.baseUri.fsPath, include.pattern, exclude);
    return editor.folder ? (await filesIn(editor.folder.fsPath, include, exclude)).slice(0, most) : [];
  },
  async openTextDocument(what: Uri | { content: string }): Promise<TextDocument> {
    if (!(what instanceof Uri)) return new TextDocument(Uri.file('/untitled'), what.content);
    const open = isOpen(what);
    if (open) return open;
    const document = new TextDocument(what, readFileSync(what.fsPath, 'utf8'));
    editor.documents.push(document);
    return document;
  },
  createFileSystemWatcher: watcher,
  onDidGrantWorkspaceTrust: editor.trustGranted.event,
  onDidChangeConfiguration: never,
  onDidOpenTextDocument: never,
  onDidCloseTextDocument: never,
  onDidChangeTextDocument: editor.changed.event,
  onDidSaveTextDocument: editor.saved.event,
};

export const languages = {
  createDiagnosticCollection: () => {
    const found = new Map<string, readonly unknown[]>();
    return {
      set: (uri: Uri, list: readonly unknown[]) => void found.set(uri.toString(), list),
      delete: (uri: Uri) => void found.delete(uri.toString()),
      clear: () => found.clear(),
      dispose: () => found.clear(),
    };
  },
};
