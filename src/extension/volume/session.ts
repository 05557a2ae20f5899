import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { writeFileAtomically } from '../../files/atomic';
import { VOLUME_EXTENSIONS } from '../../files/volumeNames';
import type {
  Grid,
  Look,
  OverlayWish,
  ShownOverlay,
  ShownVolume,
  SliceRequest,
  VolumeContract,
  VolumeFile,
  VolumeWish,
} from '../../protocol/volume';
import { servePanel, type PanelServer } from '../panel/panelServer';
import { siblingLabels } from '../../viewer/labels';
import { nameBeside } from '../../viewer/names';
import { overlayPlace } from '../../viewer/placement';
import type { ViewedVolume, ViewedVolumes } from './viewedVolumes';
import type { MessagePort } from '../../rpc/page';

interface Entry {
  readonly id: string;
  readonly volume: ViewedVolume;
  readonly held: vscode.Disposable;
  /** The volume on whose grid it lies, whatever its own affine says. */
  readonly on?: ViewedVolume;
}

/** A volume with the files drawn on top of it. */
interface Base extends Entry {
  name?: string;
  /** What the page last showed, or what a command asked for. */
  overlays: readonly OverlayWish[];
  /** The files behind the overlays, by {@link keyOf}. */
  readonly files: Map<string, Entry>;
}

const keyOf = (path: string, onImageGrid: boolean): string => `${onImageGrid ? 'image' : 'own'} ${path}`;

/** The files that an overlay needs. A file by itself and the same file on the image's grid are two. */
function filesOf({ path, truth, onImageGrid = false }: OverlayWish) {
  const paths = truth === undefined ? [path] : [path, truth];
  return paths.map((one) => ({ key: keyOf(one, onImageGrid), path: one, onImageGrid }));
}

/** The grid of the file on which an overlay lies; undefined: its own. */
async function placeOf({ on }: Entry): Promise<Grid | undefined> {
  return on && (await on.client.call('header', [])).fileGrid;
}

function release({ held, files }: Base): void {
  held.dispose();
  for (const entry of files.values()) entry.held.dispose();
}

const VOLUME_FILES = { Volumes: [...VOLUME_EXTENSIONS], 'All files': ['*'] };

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
  private bases: readonly Base[];
  private readonly server: PanelServer<VolumeContract>;
  private nextId = 0;
  /** Whether a command's overlays replace what the page remembers, at its next question. */
  private commanded: boolean;

  /** @param look where to look first; with it, or with overlays, what an earlier life of the page showed is not restored. */
  constructor(
    port: MessagePort,
    private readonly store: ViewedVolumes,
    volumes: readonly VolumeWish[],
    private look: Look | undefined,
    onDefect: (error: unknown) => void,
  ) {
    this.commanded = volumes.some(({ overlays }) => overlays.length > 0);
    this.bases = volumes.map((wish) => this.baseOf(wish));
    this.server = servePanel<VolumeContract>(
      port,
      {
        open: ({ volumes }) => this.open(volumes),
        load: ({ volume }) => this.entry(volume).volume.client.call('load', []),
        glimpse: ({ volume, indices }) => this.entry(volume).volume.client.call('glimpse', [indices]),
        range: ({ volume }) => this.entry(volume).volume.client.call('range', []),
        slices: (request) => this.slices(request),
        reduced: async ({ volume, channel, limit }) => {
          const entry = this.entry(volume);
          return entry.volume.client.call('reduced', [channel, limit, await placeOf(entry)]);
        },
        chooseOverlay: async ({ volume }) => {
          const near = this.entry(volume).volume.path;
          return (await askForVolumes(`Overlay for ${basename(near)}`, near, false))[0];
        },
        saveImage: ({ name, png }) => this.saveImage(name, png),
      },
      onDefect,
    );
  }

  get files(): readonly string[] {
    return this.bases.map(({ volume }) => volume.path);
  }

  /** Draws a file on top of the first volume, above what is there. */
  addOverlay(path: string): void {
    const [first] = this.bases;
    const others = first!.overlays.filter((wish) => wish.path !== path || wish.mode === 'error');
    this.show([...others, { path, mode: 'auto' }], undefined);
  }

  /** Shows other overlays on the first volume, as asked by a command, and looks where it says. */
  show(overlays: readonly OverlayWish[], look: Look | undefined): void {
    this.bases[0]!.overlays = overlays;
    this.commanded = true;
    this.lookAt(look);
  }

  /** Shows other volumes. Data of volumes that stay is kept; the page asks again. */
  replace(volumes: readonly VolumeWish[], look: Look | undefined): void {
    const former = [...this.bases];
    this.bases = volumes.map((wish) => {
      const at = former.findIndex(({ volume }) => volume.path === wish.path);
      return this.baseOf(wish, at < 0 ? undefined : former.splice(at, 1)[0]);
    });
    for (const base of former) release(base);
    this.commanded = true;
    this.look = look;
  }

  /** Looks somewhere else, as asked by a command. */
  lookAt(look: Look | undefined): void {
    this.look = look;
    this.server.send('changed', {});
  }

  dispose(): void {
    this.server.dispose();
    for (const base of this.bases) release(base);
  }

  /** @param former what is held of the volume already */
  private baseOf({ path, name, overlays }: VolumeWish, former?: Base): Base {
    const { id, volume, held } = former ?? this.hold(path);
    const files = former?.files ?? new Map<string, Entry>();
    return { id, volume, held, overlays, files, ...(name !== undefined && { name }) };
  }

  private hold(file: string, on?: ViewedVolume): Entry {
    const id = String(this.nextId++);
    const volume = this.store.get(file);
    const subscriptions = [
      volume.onDidChange(() => this.server.send('changed', { path: file })),
      volume.onTrouble((message) => this.server.send('trouble', { volume: id, message })),
      volume.use(),
    ];
    return { id, volume, held: vscode.Disposable.from(...subscriptions), ...(on && { on }) };
  }

  private ownerOf(id: string): Base | undefined {
    return this.bases.find((base) => [...base.files.values()].some((entry) => entry.id === id));
  }

  private entry(id: string): Entry {
    const found = [...this.bases, ...this.bases.flatMap(({ files }) => [...files.values()])].find(
      (entry) => entry.id === id,
    );
    if (!found) throw new UserError('This volume is no longer shown: close the tab and open it again.');
    return found;
  }

  private async open(remembered: readonly VolumeWish[]): Promise<{ volumes: ShownVolume[]; look?: Look }> {
    const { look, commanded } = this;
    this.look = undefined;
    this.commanded = false;
    this.bases.forEach((base, at) => {
      const wish = remembered[at];
      if (!commanded && wish?.path === base.volume.path) base.overlays = wish.overlays;
      this.holdOverlays(base);
    });
    const volumes = await Promise.all(this.bases.map((base) => this.describeBase(base)));
    return { volumes, ...(look && { look }) };
  }

  /** Opens the files that the overlays need, and lets go of the others. */
  private holdOverlays(base: Base): void {
    const needed = new Map(base.overlays.flatMap(filesOf).map((file) => [file.key, file]));
    for (const { key, path, onImageGrid } of needed.values())
      if (!base.files.has(key)) base.files.set(key, this.hold(path, onImageGrid ? base.volume : undefined));
    for (const [key, entry] of base.files) {
      if (needed.has(key)) continue;
      entry.held.dispose();
      base.files.delete(key);
    }
  }

  private async describeBase(base: Base): Promise<ShownVolume> {
    const { path } = base.volume;
    const own = await this.describe(base, base.name);
    const overlays = await Promise.all(base.overlays.map((wish) => this.describeOverlay(base, own, wish)));
    const shown = { ...own, overlays };
    const sibling = overlays.length === 0 ? await siblingLabels(path) : undefined;
    return sibling ? { ...shown, suggestion: { path: sibling, name: nameBeside(sibling, [path]) } } : shown;
  }

  private async describeOverlay(base: Base, own: VolumeFile, wish: OverlayWish): Promise<ShownOverlay> {
    const [file, right] = filesOf(wish).map(({ key }) => base.files.get(key)!);
    const shown = await this.describe(file!, wish.name ?? nameBeside(wish.path, [own.path]));
    const truth = right && (await this.describe(right));
    const grids = [shown.header?.fileGrid, own.header?.fileGrid];
    const place = grids[0] && grids[1] && overlayPlace(grids[0], grids[1], wish.onImageGrid === true);
    return { ...shown, wish, ...(truth && { truth }), ...(place && { place }) };
  }

  private async describe(entry: Entry, name = basename(entry.volume.path)): Promise<VolumeFile> {
    const { id, volume } = entry;
    const named = { id, name, path: volume.path };
    try {
      return { ...named, header: await volume.client.call('header', [await placeOf(entry)]) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { ...named, error: error.message };
    }
  }

  private async slices({ volume, plane, indices, channel }: SliceRequest) {
    const entry = this.entry(volume);
    const { client } = entry.volume;
    const base = this.ownerOf(volume);
    const grid = base ? (await base.volume.client.call('header', [])).grid : undefined;
    return client.call('slices', [plane, indices, channel, grid, await placeOf(entry)]);
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
