import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { VolumeState } from '../../../protocol/volume';
import { panelPage, panelRoots } from '../../panels/html';
import { namedLikeLabels } from './labels';
import { askForVolumes, VolumeSession } from './session';
import { VolumeStore } from './store';

const EDITOR = 'voco.volume';
const COMPARISON = 'voco.volumes';
const MOST_COMPARED = 4;

interface VolumeDocument extends vscode.CustomDocument {
  readonly held: vscode.Disposable;
}

/** The NIfTI editor, the comparison of volumes, and the commands of both. */
export class VolumeEditor
  implements vscode.CustomReadonlyEditorProvider<VolumeDocument>, vscode.WebviewPanelSerializer<VolumeState>
{
  private readonly store: VolumeStore;
  private readonly sessions = new Map<vscode.WebviewPanel, VolumeSession>();

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.store = new VolumeStore(context.asAbsolutePath('dist/volume-worker.cjs'));
  }

  openCustomDocument(uri: vscode.Uri): VolumeDocument {
    if (uri.scheme !== 'file')
      throw new Error('Only a volume that is a file on this machine can be shown, not one of another source.');
    const held = this.store.get(uri.fsPath).use();
    return { uri, held, dispose: () => held.dispose() };
  }

  resolveCustomEditor(document: VolumeDocument, panel: vscode.WebviewPanel): void {
    this.show(panel, [document.uri.fsPath]);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: VolumeState | undefined): Promise<void> {
    if (state && state.files.length > 0) this.show(panel, state.files);
    else panel.dispose();
    return Promise.resolve();
  }

  /** Volumes side by side in a tab of their own. */
  compare(files: readonly string[]): void {
    const title = files.map((file) => basename(file).replace(/\.nii(\.gz)?$/, '')).join(' ↔ ');
    this.show(vscode.window.createWebviewPanel(COMPARISON, title, vscode.ViewColumn.Active), files);
  }

  /** “Compare Volumes”: what is selected in the explorer, or else what the user chooses. */
  async compareCommand(clicked?: vscode.Uri, selected?: readonly vscode.Uri[]): Promise<void> {
    const near = this.active()?.files[0];
    let files = volumesAmong(clicked, selected);
    if (files.length < 2) files = [...files, ...(await askForVolumes('Volumes to compare', files[0] ?? near, true))];
    files = [...new Set(files)];
    if (files.length === 0) return;
    if (files.length < 2 || files.length > MOST_COMPARED) {
      void vscode.window.showWarningMessage(
        `Choose 2 to ${MOST_COMPARED} volumes to compare (.nii or .nii.gz); ${files.length} chosen.`,
      );
      return;
    }
    this.compare(files);
  }

  /**
   * “Add Overlay…”: of two selected files the label map goes on top of the other; a single one goes on top of the volume
   * that is shown.
   */
  async overlayCommand(clicked?: vscode.Uri, selected?: readonly vscode.Uri[]): Promise<void> {
    const files = volumesAmong(clicked, selected);
    if (files.length === 2) {
      const [base, top] = namedLikeLabels(files[0]!) ? [files[1]!, files[0]!] : [files[0]!, files[1]!];
      await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(base), EDITOR);
      await this.ofFile(base)?.overlay(top);
      return;
    }
    const session = this.active();
    if (!session) {
      void vscode.window.showInformationMessage(
        'Open the volume first (click a .nii or .nii.gz file), then add an overlay to it.',
      );
      return;
    }
    const top = files[0] ?? (await askForVolumes('Overlay', session.files[0], false))[0];
    if (top !== undefined) await session.overlay(top);
  }

  private show(panel: vscode.WebviewPanel, files: readonly string[]): void {
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(this.context.extensionUri) };
    const session = new VolumeSession(panel.webview, this.store, files, (error) => this.log.error(String(error)));
    this.sessions.set(panel, session);
    panel.onDidDispose(() => {
      this.sessions.delete(panel);
      session.dispose();
    });
    panel.webview.html = panelPage(panel.webview, this.context.extensionUri, {
      bundle: 'volume',
      title: 'Volume',
      // NiiVue's font and textures are data URLs.
      policy: ['img-src data:', `connect-src ${panel.webview.cspSource} data:`],
    });
  }

  private active(): VolumeSession | undefined {
    const panels = [...this.sessions.keys()];
    const panel = panels.find((one) => one.active) ?? panels.find((one) => one.visible);
    return panel && this.sessions.get(panel);
  }

  private ofFile(file: string): VolumeSession | undefined {
    return [...this.sessions.values()].find((session) => session.files.length === 1 && session.files[0] === file);
  }
}

function volumesAmong(clicked?: vscode.Uri, selected?: readonly vscode.Uri[]): string[] {
  const uris = selected && selected.length > 0 ? selected : clicked ? [clicked] : [];
  return uris.map((uri) => uri.fsPath).filter((path) => /\.nii(\.gz)?$/i.test(path));
}

/** Registers the NIfTI editor with its commands; reads nothing until a volume is opened. */
export function registerVolumeEditor(
  context: vscode.ExtensionContext,
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  const editor = new VolumeEditor(context, log);
  const run =
    (command: (clicked?: vscode.Uri, selected?: readonly vscode.Uri[]) => Promise<void>) =>
    (clicked?: unknown, selected?: unknown): Promise<void> =>
      command
        .call(
          editor,
          clicked instanceof vscode.Uri ? clicked : undefined,
          Array.isArray(selected) ? (selected as vscode.Uri[]) : undefined,
        )
        .catch((error: unknown) => {
          log.error(String(error));
          void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
        });
  return vscode.Disposable.from(
    vscode.window.registerCustomEditorProvider(EDITOR, editor, { supportsMultipleEditorsPerDocument: true }),
    vscode.window.registerWebviewPanelSerializer(COMPARISON, editor),
    vscode.commands.registerCommand('voco.compareVolumes', run(editor.compareCommand)),
    vscode.commands.registerCommand('voco.addOverlay', run(editor.overlayCommand)),
  );
}
