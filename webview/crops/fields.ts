import { AXES, mapAxes, type Box, type Vec3 } from '../../src/geometry';
import { element } from '../ui/dom';

/** Centre and size of the crop as numbers that can be typed. */
export class CropFields {
  readonly node: HTMLElement;
  private readonly centre: HTMLInputElement[];
  private readonly size: HTMLInputElement[];
  /** What the user is typing into is left alone. */
  private readonly typed = new Set<HTMLInputElement>();

  /** @param changed gets what was typed, voxels */
  constructor(changed: (centre: Vec3, size: Vec3) => void) {
    const inputs = (name: string, least: number): HTMLInputElement[] =>
      AXES.map((axis) => {
        const input = element('input', {
          type: 'number',
          step: 1,
          min: least,
          'aria-label': `${name} along ${axis}, voxels`,
        });
        input.dataset.field = `${name.toLowerCase()}-${axis}`;
        input.addEventListener('input', () => this.typed.add(input));
        input.addEventListener('change', () => {
          this.typed.delete(input);
          const values = (list: HTMLInputElement[]) => mapAxes((at) => Number(list[at]!.value));
          if ([...this.centre, ...this.size].every((one) => one.value !== ''))
            changed(values(this.centre), values(this.size));
        });
        return input;
      });
    this.centre = inputs('Centre', 0);
    this.size = inputs('Size', 2);
    const row = (name: string, list: HTMLInputElement[]): HTMLElement =>
      element('div', { class: 'numbers' }, element('span', {}, name), ...list);
    this.node = element(
      'div',
      { class: 'fields', role: 'group', 'aria-label': 'Place and size of the crop' },
      row('Centre', this.centre),
      row('Size', this.size),
    );
  }

  /** @param editable what can be changed */
  show(centre: Vec3, { size }: Box, editable: { readonly centre: boolean; readonly size: boolean }): void {
    const put = (inputs: HTMLInputElement[], values: Vec3, free: boolean): void =>
      inputs.forEach((input, axis) => {
        input.disabled = !free;
        if (!this.typed.has(input)) input.value = String(values[axis]);
      });
    put(this.centre, centre, editable.centre);
    put(this.size, size, editable.size);
  }
}
