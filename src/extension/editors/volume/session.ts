import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../../errors/userError';
import { writeFileAtomically } from '../../../files/atomic';
import type { ShownVolume, SliceRequest, VolumeContract } from '../../../protocol/volume';
import { servePanel, type PanelServer } from '../../panels/panelServer';
import { siblingLabels } from './labels';
import type { StoredVolume, VolumeStore } from './store';

interface Entry {
  readonly id: string;
  readonly volume: StoredVolume;
  readonly held: vscode.Disposable;
}

const VOLUME_FILES = { 'NIfTI volumes': ['nii', 'gz'] };

/** Lets the user choose volume files. */
export async function askForVolumes(title: string, near: string | undefined, many: boolean): Promise<string[]> {
  const chosen = await vscode.window.showOpenDialog({
    title,
    canSelectMany: many,
    filters: VOLUME_FILES,
    ...(near && { defaultUri: vscode.Uri.file(dirname(near)) }),
  });
  return (chosen ?? []).map((uri) => uri.fsPath);
}

/** Serves one viewer page: the volumes it shows and their overlays. */
export class VolumeSession {
  private readonly bases: Entry[];
  private readonly overlays = new Map<string, Entry>();
  private readonly server: PanelServer<VolumeContract>;

  constructor(
    webview: vscode.Webview,
    private readonly store: VolumeStore,
    readonly files: readonly string[],
    onDefect: (error: unknown) => void,
  ) {
    this.bases = files.map((file, index) => this.hold(String(index), file));
    this.server = servePanel<VolumeContract>(
      webview,
      {
        open: ({ overlays }) => this.open(overlays),
        load: ({ volume }) => this.entry(volume).volume.client.call('load'),
        slices: (request) => this.slices(request),
        reduced: ({ volume, channel, limit }) => this.entry(volume).volume.client.call('reduced', channel, limit),
        addOverlay: async ({ volume, path }) => {
          const near = this.entry(volume).volume.path;
          const chosen = path ?? (await askForVolumes(`Overlay for ${basename(near)}`, near, false))[0];
          return chosen === undefined ? undefined : this.setOverlay(volume, chosen);
        },
        removeOverlay: ({ volume }) => {
          this.dropOverlay(volume);
          return null;
        },
        saveImage: ({ name, png }) => this.saveImage(name, png),
      },
      onDefect,
    );
  }

  /** Shows `file` on top of the first volume, as asked by a command. */
  async overlay(file: string): Promise<void> {
    await this.setOverlay(this.bases[0]!.id, file);
    this.server.send('changed', null);
  }

  dispose(): void {
    this.server.dispose();
    for (const entry of [...this.bases, ...this.overlays.values()]) entry.held.dispose();
    this.overlays.clear();
  }

  private hold(id: string, file: string): Entry {
    const volume = this.store.get(file);
    const subscriptions = [
      volume.onDidChange(() => this.server.send('changed', null)),
      volume.onTrouble((message) => this.server.send('trouble', { volume: id, message })),
      volume.use(),
    ];
    return { id, volume, held: vscode.Disposable.from(...subscriptions) };
  }

  private entry(id: string): Entry {
    const found = this.bases.find((entry) => entry.id === id) ?? this.overlays.get(id);
    if (!found) throw new UserError('This volume is no longer shown: close the tab and open it again.');
    return found;
  }

  private async open(wanted: Readonly<Record<string, string>>): Promise<{ volumes: ShownVolume[] }> {
    for (const base of this.bases) {
      const path = wanted[base.volume.path];
      if (path !== undefined && !this.overlays.has(overlayId(base.id))) {
        // What was shown before may be gone by now: then the volume is shown without it.
        await this.setOverlay(base.id, path).catch(() => undefined);
      }
    }
    return { volumes: await Promise.all(this.bases.map((base) => this.describeBase(base))) };
  }

  private async describeBase(base: Entry): Promise<ShownVolume> {
    const shown = await this.describe(base);
    const overlay = this.overlays.get(overlayId(base.id));
    if (overlay) return { ...shown, overlay: await this.describe(overlay) };
    const sibling = await siblingLabels(base.volume.path);
    return sibling ? { ...shown, suggestion: { path: sibling, name: basename(sibling) } } : shown;
  }

  private async describe({ id, volume }: Entry): Promise<ShownVolume> {
    const named = { id, name: basename(volume.path), path: volume.path };
    try {
      return { ...named, header: await volume.client.call('header') };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { ...named, error: error.message };
    }
  }

  private async slices({ volume, plane, indices, channel }: SliceRequest) {
    const { client } = this.entry(volume).volume;
    const base = this.bases.find((one) => overlayId(one.id) === volume);
    const grid = base ? (await base.volume.client.call('header')).grid : undefined;
    return client.call('slices', plane, indices, channel, grid);
  }

  private async setOverlay(base: string, file: string): Promise<ShownVolume> {
    this.entry(base);
    const id = overlayId(base);
    const next = this.hold(id, file);
    const shown = await this.describe(next);
    if (shown.error !== undefined) {
      next.held.dispose();
      throw new UserError(shown.error);
    }
    this.dropOverlay(base);
    this.overlays.set(id, next);
    return shown;
  }

  private dropOverlay(base: string): void {
    const id = overlayId(base);
    this.overlays.get(id)?.held.dispose();
    this.overlays.delete(id);
  }

  private async saveImage(name: string, png: Uint8Array): Promise<string | undefined> {
    const folder = vscode.Uri.file(dirname(this.files[0]!));
    const target = await vscode.window.showSaveDialog({
      defaultUri: vscode.Uri.joinPath(folder, name),
      filters: { 'PNG picture': ['png'] },
      saveLabel: 'Save',
    });
    if (!target) return undefined;
    await writeFileAtomically(target.fsPath, png);
    return target.fsPath;
  }
}

function overlayId(base: string): string {
  return `${base}/overlay`;
}
