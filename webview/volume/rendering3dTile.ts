import type { ReducedVolume } from '../../src/protocol/volume';
import { element } from '../ui/dom';
import type { Colour, Scaling } from './raster';
import type { Rendering, RenderingModule } from './rendering3d';
import type { VolumeHost } from './source';

/** Voxels along the longest axis of what is rendered: enough for the eye, little to send. */
const LIMIT = 160;
const NO_WEBGL = 'No 3-D rendering: this window has no WebGL2. The slices are drawn without it.';

/** This bundle's own script element, which the second bundle lies beside. */
const own = document.currentScript as HTMLScriptElement | null;

let loading: Promise<RenderingModule> | undefined;

/** Loads the bundle with NiiVue, once. */
function renderingModule(): Promise<RenderingModule> {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.nonce = own?.nonce ?? '';
    script.src = own ? new URL('volume3d.js', own.src).href : '';
    script.addEventListener('load', () => resolve(globalThis.vocoRendering3d!));
    script.addEventListener('error', () => reject(new Error('The 3-D renderer can’t be loaded.')));
    document.head.append(script);
  });
  return loading;
}

let webgl2: boolean | undefined;

/** Whether this window draws with WebGL2; asked once, since every question makes a context. */
function hasWebgl2(): boolean {
  if (webgl2 === undefined) {
    const context = document.createElement('canvas').getContext('webgl2');
    webgl2 = context !== null;
    context?.getExtension('WEBGL_lose_context')?.loseContext();
  }
  return webgl2;
}

export interface RenderingWish {
  readonly volume: string;
  readonly channel: number;
  readonly scaling: Scaling;
  readonly window: readonly [number, number];
  readonly labels?: ReadonlyMap<number, Colour>;
}

/** The 3-D view of a volume: asks for a reduced copy when it is first seen, turned by dragging or with the arrow keys. */
export class Rendering3dTile {
  readonly node: HTMLElement;
  private readonly canvas = element('canvas', {});
  private readonly note = element('p', { class: 'note', role: 'status' });
  private readonly handle = element('div', {
    class: 'handle',
    tabindex: 0,
    role: 'img',
    'aria-label': '3-D rendering: drag or press the arrow keys to turn it',
  });
  private rendering?: Rendering;
  private failed = false;
  private wish?: RenderingWish;
  private busy = false;
  private fetched?: { readonly key: string; readonly volume: ReducedVolume };
  private shownWish = '';
  private azimuth = 110;
  private elevation = 10;

  constructor(private readonly host: VolumeHost) {
    this.node = element(
      'div',
      { class: 'tile rendering' },
      element('div', { class: 'surface' }, this.canvas, this.handle, this.note),
    );
    this.listen();
  }

  show(wish: RenderingWish): void {
    this.wish = wish;
    if (this.busy) return;
    this.busy = true;
    // WebGL2 may take seconds to start where software draws it: the slices are put on screen before.
    requestAnimationFrame(() => setTimeout(() => void this.update()));
  }

  dispose(): void {
    this.rendering?.dispose();
    this.rendering = undefined;
    this.failed = true;
  }

  /** The picture as it is now, for a screenshot. */
  picture(): HTMLCanvasElement | undefined {
    return this.node.hidden ? undefined : this.rendering?.redraw();
  }

  private async update(): Promise<void> {
    try {
      while (this.wish && !this.failed) {
        const { wish } = this;
        this.wish = undefined;
        await this.render(wish);
      }
    } catch (error) {
      this.failed = true;
      this.say(error instanceof Error ? error.message : String(error));
    } finally {
      this.busy = false;
    }
  }

  private async render(wish: RenderingWish): Promise<void> {
    const { volume, channel, scaling, window, labels } = wish;
    const signature = JSON.stringify([volume, channel, window, labels && [...labels.keys()]]);
    if (signature === this.shownWish) return;
    if (!this.rendering) {
      if (!hasWebgl2()) {
        this.failed = true;
        this.say(NO_WEBGL);
        return;
      }
      this.say('Preparing the 3-D rendering…');
      this.rendering = await (await renderingModule()).create(this.canvas);
      this.rendering.turn(this.azimuth, this.elevation);
    }
    const key = `${volume}/${channel}`;
    if (this.fetched?.key !== key) {
      const reduced = await this.host.call('reduced', { volume, channel, limit: LIMIT }, 600_000);
      this.fetched = { key, volume: reduced };
    }
    await this.rendering.show({ volume: this.fetched.volume, ...scaling, window, labels });
    this.shownWish = signature;
    this.node.dataset.rendered = 'true';
    this.say('');
  }

  private say(text: string): void {
    this.note.textContent = text;
    this.note.hidden = text === '';
  }

  private turn(azimuth: number, elevation: number): void {
    this.azimuth = (this.azimuth + azimuth + 360) % 360;
    this.elevation = Math.max(-90, Math.min(90, this.elevation + elevation));
    this.rendering?.turn(this.azimuth, this.elevation);
  }

  private listen(): void {
    const { handle } = this;
    handle.addEventListener('pointerdown', (event) => {
      handle.setPointerCapture(event.pointerId);
      handle.focus();
    });
    handle.addEventListener('pointermove', (event) => {
      if (handle.hasPointerCapture(event.pointerId)) this.turn(-event.movementX / 2, event.movementY / 2);
    });
    handle.addEventListener('keydown', (event) => {
      const turns: Record<string, [number, number]> = {
        ArrowLeft: [10, 0],
        ArrowRight: [-10, 0],
        ArrowUp: [0, -10],
        ArrowDown: [0, 10],
      };
      const by = turns[event.key];
      if (!by) return;
      event.preventDefault();
      this.turn(...by);
    });
  }
}
