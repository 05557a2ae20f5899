import { button, checkbox, dropdown, slider } from '../ui/controls';
import { element } from '../ui/dom';
import type { Overlay, Pane } from './pane';
import { ERROR_COLOURS } from './raster';
import type { Controls } from './controls';

const MEANINGS: readonly (readonly [keyof typeof ERROR_COLOURS, string])[] = [
  ['missed', 'missed'],
  ['extra', 'extra'],
  ['confused', 'other label'],
];

/** What lies on top of the volumes, topmost last: shown or not, how it is drawn, and in turns. */
export class OverlayList {
  readonly node = element('div', {});
  private shape = '';
  private listed?: readonly Pane[];

  constructor(private readonly viewer: Controls) {}

  /** Shows the viewer's state; false when there is nothing to say. */
  update(): boolean {
    const { panes, blinker } = this.viewer;
    const shape = JSON.stringify(
      panes.map(({ shown, overlays }) => [
        shown.suggestion?.path,
        overlays.map(({ shown, wish, source }) => [
          shown.name,
          shown.error,
          wish,
          shown.place,
          source?.problem,
          source?.statistics?.labels !== undefined,
        ]),
      ]),
    );
    if (shape !== this.shape || panes !== this.listed) {
      this.shape = shape;
      this.listed = panes;
      const lists = panes.flatMap((pane) => this.list(pane));
      const some = panes.some(({ overlays }) => overlays.length > 0);
      this.node.replaceChildren(...lists, ...(some ? [this.controls()] : []));
    }
    this.node.querySelector('#blink')?.setAttribute('aria-pressed', String(blinker.on));
    return this.node.childElementCount > 0;
  }

  /** The overlays of a volume, under its name where there are several. */
  private list(pane: Pane): Node[] {
    const { viewer } = this;
    const { suggestion, name } = pane.shown;
    const rows = pane.overlays.map((overlay) => this.row(pane, overlay));
    if (suggestion && rows.length === 0 && viewer.panes.length === 1) {
      rows.push(
        element(
          'div',
          { class: 'overlay' },
          element('p', {}, `${suggestion.name} seems to hold the labels of this image.`),
          button('Show labels', () => void viewer.addOverlay(suggestion.path), {
            id: 'show-labels',
            appearance: 'primary',
          }),
        ),
      );
    }
    const title = rows.length > 0 && viewer.panes.length > 1 ? [element('h3', { class: 'muted' }, name)] : [];
    return [...title, ...rows];
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
      !problem ? this.place(overlay) : undefined,
      !problem && source?.statistics?.labels ? this.modes(pane, overlay) : undefined,
      !problem && wish.mode === 'error' ? legend() : undefined,
    );
  }

  /** Where it lies, when that is not where the image lies, and the other grid to choose. */
  private place(overlay: Overlay): HTMLElement | undefined {
    const { place, name } = overlay.shown;
    if (!place) return undefined;
    const { text, choice } = place;
    const title = choice === 'image' ? 'Use the image’s grid' : 'Use its own affine';
    return element(
      'div',
      { class: 'place' },
      element('p', { class: choice === 'own' ? 'muted' : 'warning' }, text),
      choice &&
        button(title, () => this.viewer.changeOverlay(overlay, { onImageGrid: choice === 'image' }), {
          title: `${title} for ${name}`,
        }),
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
      `mode-${this.viewer.panes.indexOf(pane)}-${pane.overlays.indexOf(overlay)}`,
    );
  }

  private controls(): HTMLElement {
    const { viewer } = this;
    const format = (value: number): string => `${Math.round(100 * value)} %`;
    const opacity = slider(
      'Opacity',
      { id: 'opacity', min: 0, max: 1, step: 0.05, value: viewer.state.opacity, format },
      (value) => viewer.set({ opacity: value }),
    );
    const single = viewer.panes.every(({ overlays }) => overlays.length <= 1);
    return element(
      'div',
      { class: 'overlay' },
      opacity,
      button('Blink', () => viewer.blink(), {
        id: 'blink',
        title: `${single ? 'Show the overlay on and off' : 'Show the overlays alternately'} (B); N steps by hand`,
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
