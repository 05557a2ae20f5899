import type { ViewerName } from '../../src/protocol/compare';
import type { Look, VolumeState, VolumeWish } from '../../src/protocol/volume';
import { element } from '../ui/dom';
import type { VolumeHost } from '../volume/source';
import { Viewer } from '../volume/viewer';
import type { CompareHost } from './task';

/** What a viewer shows before the user chose anything else: one plane for each checkpoint, and room for it. */
const START = { layout: 'axial', sidebar: false } as const;

/** A volume viewer as a part of this panel: its volumes have a common crosshair, window and zoom. */
export class ViewerPart {
  readonly node = element('div', { class: 'viewer-part' });
  private readonly viewer: Viewer;
  private shown = '';
  private image = '';

  constructor(
    private readonly host: CompareHost,
    private readonly name: ViewerName,
    saved: VolumeState | undefined,
    save: (state: VolumeState) => void,
  ) {
    const event = <T>(of: string): T => `${name}/${of}` as T;
    const part = {
      call: (method: string, params: unknown, timeout?: number) =>
        host.call(event<never>(method), params as never, timeout) as Promise<never>,
      on: (of: string, listener: (value: never) => void) => host.on(event<never>(of), listener as never),
      savedState: { ...START, ...saved } as VolumeState,
      saveState: save,
    } satisfies Record<keyof VolumeHost, unknown>;
    this.viewer = new Viewer(this.node, part as unknown as VolumeHost);
    this.image = saved?.volumes[0]?.path ?? '';
    part.on('changed', ({ path }: { path?: string }) => void this.viewer.open(path));
    part.on('trouble', ({ volume, message }: { volume: string; message: string }) =>
      this.viewer.trouble(volume, message),
    );
  }

  /** Shows volumes; another image is looked at in its middle, or where `look` says. */
  async show(volumes: readonly VolumeWish[], look: Look): Promise<void> {
    const wanted = JSON.stringify([volumes, look.blink]);
    if (wanted === this.shown) return;
    this.shown = wanted;
    const image = volumes[0]?.path ?? '';
    const moved = image !== this.image;
    if (moved) this.viewer.forgetPlace();
    this.image = image;
    const { crosshair, ...rest } = look;
    const place = moved && crosshair !== undefined && { crosshair };
    await this.host.call('view', { viewer: this.name, volumes, look: { ...rest, ...place } });
    await this.viewer.open();
  }
}
