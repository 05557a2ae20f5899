import { button, checkbox, dropdown, slider } from '../ui/controls';
import { element } from '../ui/dom';
import type { Overlay, Pane } from './pane';
import { ERROR_COLOURS } from './raster';
import type { Viewer } from './viewer';

const MEANINGS: readonly (readonly [keyof typeof ERROR_COLOURS, string])[] = [
  ['missed', 'missed'],
  ['extra', 'too much'],
  ['confused', 'other label'],
];

/** What lies on top of the current volume, topmost last: shown or not, how it is drawn, and in turns. */
export class OverlayList {
  readonly node = element('div', {});
  private shape = '';
  private listed?: Pane;

  constructor(private readonly viewer: Viewer) {}

  /** Shows the viewer's state; false when there is nothing to say. */
  update(): boolean {
    const { viewer } = this;
    const pane = viewer.current;
    const shape = JSON.stringify([
      pane?.shown.suggestion?.path,
      pane?.overlays.map(({ shown, wish, source }) => [
        shown.name,
        shown.error,
        wish,
        source?.problem,
        source?.statistics?.labels !== undefined,
      ]),
    ]);
    if (shape !== this.shape || pane !== this.listed) {
      this.shape = shape;
      this.listed = pane;
      this.list(pane);
    }
    this.node.querySelector('#blink')?.setAttribute('aria-pressed', String(viewer.blinker.on));
    return this.node.childElementCount > 0;
  }

  private list(pane: Pane | undefined): void {
    const suggestion = pane?.shown.suggestion;
    this.node.replaceChildren();
    if (!pane) return;
    if (suggestion && pane.overlays.length === 0) {
      this.node.append(
        element(
          'div',
          { class: 'overlay' },
          element('p', {}, `${suggestion.name} seems to hold the labels of this image.`),
          button('Show labels', () => void this.viewer.addOverlay(suggestion.path), {
            id: 'show-labels',
            appearance: 'primary',
          }),
        ),
      );
    }
    if (pane.overlays.length > 0) {
      this.node.append(...pane.overlays.map((overlay) => this.row(pane, overlay)), this.controls(pane));
    }
  }

  private row(pane: Pane, overlay: Overlay): HTMLElement {
    const { viewer } = this;
    const { shown, wish, source } = overlay;
    const problem = shown.error ?? source?.problem ?? '';
    const shownBox = checkbox(element('span', { title: shown.path }, shown.name), !wish.hidden, (visible) =>
      viewer.changeOverlay(overlay, { hidden: !visible }),
    );
    const remove = element(
      'button',
      { type: 'button', class: 'remove', title: 'Remove overlay', 'aria-label': `Remove overlay ${shown.name}` },
      '×',
    );
    remove.addEventListener('click', () => void viewer.removeOverlay(pane, overlay));
    return element(
      'div',
      { class: 'overlay-row', role: 'group', 'aria-label': `Overlay ${shown.name}` },
      element('div', { class: 'line' }, shownBox, remove),
      problem ? element('p', { class: 'warning' }, problem) : undefined,
      !problem && source?.statistics?.labels ? this.modes(pane, overlay) : undefined,
      !problem && wish.mode === 'error' ? legend() : undefined,
    );
  }

  /** Filled, outlined, or compared with another label map. */
  private modes(pane: Pane, overlay: Overlay): HTMLElement {
    const { wish, shown } = overlay;
    const others = new Map<string, string>();
    for (const { shown: other, source } of pane.overlays) {
      if (other.path !== shown.path && source?.statistics?.labels && !others.has(other.path)) {
        others.set(other.path, other.name);
      }
    }
    if (wish.mode === 'error' && wish.truth && !others.has(wish.truth)) others.set(wish.truth, 'the truth');
    const options = [
      { value: 'labels', label: 'Filled' },
      { value: 'outline', label: 'Outline' },
      ...[...others].map(([path, name]) => ({ value: `error:${path}`, label: `Errors against ${name}` })),
    ];
    const now = wish.mode === 'error' ? `error:${wish.truth}` : wish.mode === 'outline' ? 'outline' : 'labels';
    return dropdown(
      `How ${shown.name} is drawn`,
      options,
      now,
      (value) => {
        const truth = value.startsWith('error:') ? value.slice('error:'.length) : undefined;
        const mode = truth !== undefined ? 'error' : value === 'outline' ? 'outline' : 'labels';
        this.viewer.changeOverlay(overlay, { mode, truth });
      },
      `mode-${pane.overlays.indexOf(overlay)}`,
    );
  }

  private controls(pane: Pane): HTMLElement {
    const { viewer } = this;
    const format = (value: number): string => `${Math.round(100 * value)} %`;
    const opacity = slider(
      'Opacity',
      { id: 'opacity', min: 0, max: 1, step: 0.05, value: viewer.state.opacity, format },
      (value) => viewer.set({ opacity: value }),
    );
    const single = pane.overlays.length === 1 && viewer.panes.length === 1;
    return element(
      'div',
      { class: 'overlay' },
      opacity,
      button('Blink', () => viewer.blink(), {
        id: 'blink',
        title: `${single ? 'Show the overlay on and off' : 'Show the overlays in turns'} (B); N steps by hand`,
      }),
    );
  }
}

/** What the colours of an error map mean. */
function legend(): HTMLElement {
  const rows = MEANINGS.map(([kind, meaning]) => {
    const swatch = element('span', { class: 'swatch' });
    swatch.style.background = ERROR_COLOURS[kind];
    return element('span', {}, swatch, meaning);
  });
  return element('div', { class: 'legend' }, ...rows);
}
