import { basename } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { isDicomName, isVolumeName, VOLUME_ENDINGS, withoutVolumeEnding } from '../../files/volumeNames';
import type { Look, VolumeState, VolumeWish } from '../../protocol/volume';
import { PanelPage } from '../panel/page';
import type { Services } from '../services';
import { registerCommand } from '../shared/command';
import { namedLikeLabels } from '../../viewer/labels';
import { nameBeside } from '../../viewer/names';
import {
  lookOf,
  OPEN_COMPARISON,
  OPEN_VOLUME,
  overlayWishes,
  volumeWish,
  type ComparedVolume,
  type CompareVolumesOptions,
  type OpenVolumeOptions,
} from './openVolume';
import { askForVolumes, VolumeSession } from './session';
import { viewerPolicy } from './policy';
import { showInfo, showWarning } from '../shared/notify';

const EDITOR = 'voco.volume';
/** The same, offered for DICOM files but not their default. */
const DICOM_EDITOR = 'voco.dicom';
const COMPARISON = 'voco.volumes';
const MOST_COMPARED = 4;

interface VolumeDocument extends vscode.CustomDocument {
  readonly held: vscode.Disposable;
}

/** The volume editor, the comparison of volumes, and the commands of both. */
class VolumeEditor
  implements vscode.CustomReadonlyEditorProvider<VolumeDocument>, vscode.WebviewPanelSerializer<VolumeState>
{
  private readonly sessions = new Map<vscode.WebviewPanel, VolumeSession>();
  /** What a command wants of a volume whose tab is being opened. */
  private readonly expected = new Map<string, { volume: VolumeWish; look: Look | undefined }>();

  constructor(private readonly services: Pick<Services, 'context' | 'log' | 'volumes' | 'walkthrough'>) {}

  openCustomDocument(uri: vscode.Uri): VolumeDocument {
    if (uri.scheme !== 'file') throw new Error('Only volumes that are files on this machine can be shown.');
    const held = this.services.volumes.get(uri.fsPath).use();
    return { uri, held, dispose: () => held.dispose() };
  }

  resolveCustomEditor(document: VolumeDocument, panel: vscode.WebviewPanel): void {
    const path = document.uri.fsPath;
    const { volume, look } = this.expected.get(path) ?? { volume: { path, overlays: [] }, look: undefined };
    this.expected.delete(path);
    this.show(panel, [volume], look);
    this.services.walkthrough.done('look');
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: VolumeState | undefined): Promise<void> {
    // The page itself remembers the overlays.
    const volumes = (state?.volumes ?? []).map((volume) => ({ ...volume, overlays: [] }));
    if (volumes.length > 0) this.show(panel, volumes);
    else panel.dispose();
    return Promise.resolve();
  }

  /** {@link openVolume} of the module beside. */
  async open(uri: vscode.Uri, options: OpenVolumeOptions): Promise<void> {
    const path = uri.fsPath;
    const { viewColumn, preserveFocus = false } = options;
    const look = lookOf(options);
    const overlays = options.overlays && overlayWishes(options.overlays);
    const known = [...this.sessions].find(([, session]) => session.files.length === 1 && session.files[0] === path);
    if (known) {
      const [panel, session] = known;
      panel.reveal(panel.viewColumn, preserveFocus);
      if (overlays) session.show(overlays, look);
      else if (look) session.lookAt(look);
      return;
    }
    this.expected.set(path, { volume: { path, overlays: overlays ?? [] }, look });
    const target = { viewColumn: viewColumn ?? vscode.ViewColumn.Active, preserveFocus };
    try {
      const editor = isDicomName(path) ? DICOM_EDITOR : EDITOR;
      await vscode.commands.executeCommand('vscode.openWith', uri, editor, target);
    } catch (error) {
      this.expected.delete(path);
      throw error;
    }
  }

  /** Volumes side by side in a tab of their own. */
  compare(volumes: readonly VolumeWish[], options: CompareVolumesOptions = {}): void {
    const named = volumes.map(({ path, name }) => withoutVolumeEnding(name ?? basename(path)));
    const { title = named.join(' ↔ '), viewColumn = vscode.ViewColumn.Active, preserveFocus = false } = options;
    const panel = vscode.window.createWebviewPanel(COMPARISON, title, { viewColumn, preserveFocus });
    this.show(panel, volumes, lookOf(options));
  }

  /** One to four volumes side by side in a tab of their own, with a common crosshair, window and zoom. */
  openComparison(volumes: readonly ComparedVolume[], options: CompareVolumesOptions): void {
    if (volumes.length < 1 || volumes.length > MOST_COMPARED) {
      throw new UserError(`1 to ${MOST_COMPARED} volumes can be shown side by side, not ${volumes.length}.`);
    }
    this.compare(volumes.map(volumeWish), options);
  }

  /** “Compare Volumes”: what is selected in the explorer, or else what the user chooses. */
  async compareCommand(clicked?: vscode.Uri, selected?: readonly vscode.Uri[]): Promise<void> {
    const near = this.active()?.files[0];
    let files = volumesAmong(clicked, selected);
    if (files.length < 2) files = [...files, ...(await askForVolumes('Volumes to compare', files[0] ?? near, true))];
    files = [...new Set(files)];
    if (files.length === 0) return;
    if (files.length < 2 || files.length > MOST_COMPARED) {
      void showWarning(`Choose 2 to ${MOST_COMPARED} volumes to compare (${VOLUME_ENDINGS}); ${files.length} chosen.`);
      return;
    }
    this.compare(files.map((path) => ({ path, name: nameBeside(path, files), overlays: [] })));
  }

  /**
   * “Add Overlay…”: of two selected files the label map goes on top of the other; a single one goes on top of the volume
   * that is shown.
   */
  async overlayCommand(clicked?: vscode.Uri, selected?: readonly vscode.Uri[]): Promise<void> {
    const files = volumesAmong(clicked, selected);
    if (files.length === 2) {
      const [base, top] = namedLikeLabels(files[0]!) ? [files[1]!, files[0]!] : [files[0]!, files[1]!];
      await this.open(vscode.Uri.file(base), { overlays: [{ uri: vscode.Uri.file(top) }] });
      return;
    }
    const session = this.active();
    if (!session) {
      void showInfo('Open the volume first (click its file), then add an overlay to it.');
      return;
    }
    const top = files[0] ?? (await askForVolumes('Overlay', session.files[0], false))[0];
    if (top !== undefined) session.addOverlay(top);
  }

  private show(panel: vscode.WebviewPanel, volumes: readonly VolumeWish[], look?: Look): void {
    const page = new PanelPage(this.services, panel, {
      bundle: 'volume',
      title: 'Volume',
      policy: viewerPolicy(panel.webview),
    });
    const session = new VolumeSession(panel.webview, this.services.volumes, volumes, look, page.onDefect);
    this.sessions.set(panel, page.own(session));
    panel.onDidDispose(() => this.sessions.delete(panel));
  }

  private active(): VolumeSession | undefined {
    const panels = [...this.sessions.keys()];
    const panel = panels.find((one) => one.active) ?? panels.find((one) => one.visible);
    return panel && this.sessions.get(panel);
  }
}

function volumesAmong(clicked?: vscode.Uri, selected?: readonly vscode.Uri[]): string[] {
  const uris = selected && selected.length > 0 ? selected : clicked ? [clicked] : [];
  return uris.map((uri) => uri.fsPath).filter(isVolumeName);
}

/** Registers the volume editor with its commands; reads nothing until a volume is opened. */
export function registerVolumeEditor(services: Services): vscode.Disposable {
  const editor = new VolumeEditor(services);
  const uriOf = (clicked: unknown): vscode.Uri | undefined => (clicked instanceof vscode.Uri ? clicked : undefined);
  const urisOf = (selected: unknown): readonly vscode.Uri[] | undefined =>
    Array.isArray(selected) ? (selected as vscode.Uri[]) : undefined;
  return vscode.Disposable.from(
    ...[EDITOR, DICOM_EDITOR].map((id) =>
      vscode.window.registerCustomEditorProvider(id, editor, { supportsMultipleEditorsPerDocument: true }),
    ),
    vscode.window.registerWebviewPanelSerializer(COMPARISON, editor),
    // Other panels call these two and get their errors.
    vscode.commands.registerCommand(OPEN_VOLUME, editor.open.bind(editor)),
    vscode.commands.registerCommand(OPEN_COMPARISON, editor.openComparison.bind(editor)),
    registerCommand(services, {
      id: 'voco.compareVolumes',
      run: (_, clicked, selected) => editor.compareCommand(uriOf(clicked), urisOf(selected)),
    }),
    registerCommand(services, {
      id: 'voco.addOverlay',
      run: (_, clicked, selected) => editor.overlayCommand(uriOf(clicked), urisOf(selected)),
    }),
  );
}
