import type { CropGridPreview, GreyImage, StagePreview, Triple } from '../../src/protocol/crops';
import { element } from '../ui/dom';

/** A grey picture on a canvas of its own size; the first row is the lowest, and `mirrored` puts high columns left. */
export function greyCanvas(image: GreyImage, title: string, mirrored: boolean): HTMLCanvasElement {
  const { width, height, data } = image;
  const canvas = element('canvas', { width, height, role: 'img', 'aria-label': title, title });
  const pixels = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const grey = data[(height - 1 - y) * width + (mirrored ? width - 1 - x : x)]!;
      pixels.data.set([grey, grey, grey, 255], 4 * (y * width + x));
    }
  }
  canvas.getContext('2d')!.putImageData(pixels, 0, 0);
  return canvas;
}

const STAGES: Readonly<Record<string, string>> = {
  load: 'As stored',
  orientation: 'Oriented',
  spacing: 'Resampled',
  intensity: 'Intensity scaled',
  foreground: 'Cut to foreground',
  resize: 'Resized',
};

const number = (value: number): string => String(Number(value.toPrecision(4)));

/** The volume after each preprocessing step, with its numbers. */
export function stageCards(stages: readonly StagePreview[]): HTMLElement[] {
  return stages.map((stage) => {
    const name = STAGES[stage.stage] ?? stage.stage;
    const picture = greyCanvas(stage.image, `${name}: middle slice`, true);
    const [width, height] = [stage.image.width * stage.spacing[0], stage.image.height * stage.spacing[1]];
    picture.style.aspectRatio = String(width / height);
    return element(
      'figure',
      { 'data-stage': stage.stage },
      picture,
      element(
        'figcaption',
        {},
        element('strong', {}, name),
        element('span', {}, stage.shape.slice(1).join(' × ')),
        element('span', { class: 'muted' }, `${stage.spacing.map(number).join(' × ')} mm, ${stage.orientation}`),
        element('span', { class: 'muted' }, `${number(stage.range[0])} to ${number(stage.range[1])}`),
      ),
    );
  });
}

/** Index of a base crop in grid order. */
export function gridIndex(counts: Triple, i: number, j: number, k: number): number {
  return (i * counts[1] + j) * counts[2] + k;
}

/**
 * The position label as numbers on a heat map, one table for each layer of the grid, laid out as the axial slice is: rows from
 * anterior (high y) to posterior, columns from the patient's right (high x).
 */
export function labelTables(grid: CropGridPreview, label: Float64Array | undefined): HTMLElement[] {
  const { counts } = grid;
  return Array.from({ length: counts[2] }, (_, k) => {
    const table = element('table', { class: 'label' });
    if (counts[2] > 1) table.append(element('caption', { class: 'muted' }, `layer z = ${k + 1}`));
    for (let j = counts[1] - 1; j >= 0; j--) {
      const row = element('tr', {});
      for (let i = counts[0] - 1; i >= 0; i--) {
        const index = gridIndex(counts, i, j, k);
        const share = label?.[index] ?? 0;
        const cell = element('td', { 'data-base': index, title: `base crop ${index + 1}` });
        cell.textContent = label ? share.toFixed(3) : String(index + 1);
        cell.style.setProperty('--share', `${Math.round(100 * Math.sqrt(share))}%`);
        row.append(cell);
      }
      table.append(row);
    }
    return table;
  });
}
