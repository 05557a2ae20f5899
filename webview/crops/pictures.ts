import type { Vec3 } from '../../src/geometry';
import type { CropGridPreview, GreyImage, StagePreview } from '../../src/protocol/crops';
import { element } from '../ui/dom';
import { scaleColour } from '../volume/raster';
import { formatSize, significant } from '../../src/text';

/** The colour of a pixel, by its place in the picture's data and on the canvas. */
export type Paint = (at: number, x: number, y: number) => readonly [number, number, number];

/** A picture on a canvas of its own size; the first row is the lowest, and high columns lie left. @param paint grey by default */
export function pictureCanvas(
  { width, height, data }: GreyImage,
  title: string,
  paint: Paint = (at) => [data[at]!, data[at]!, data[at]!],
): HTMLCanvasElement {
  const canvas = element('canvas', { width, height, role: 'img', 'aria-label': title, title });
  const pixels = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (height - 1 - y) * width + (width - 1 - x);
      pixels.data.set([...paint(at, x, y), 255], 4 * (y * width + x));
    }
  }
  canvas.getContext('2d')!.putImageData(pixels, 0, 0);
  return canvas;
}

const STAGES: Readonly<Record<string, string>> = {
  load: 'As stored',
  orientation: 'Oriented',
  spacing: 'Resampled',
  intensity: 'Intensity',
  foreground: 'Foreground',
  resize: 'Resized',
};

const number = (value: number, digits = 4): string => significant(value, digits).replace('-', '−');

/** Five steps side by side leave little room: narrow spaces, and a line ends before the unit if it has to. */
function spacingText(spacing: Vec3): string {
  return `${spacing.map((mm) => number(mm, 3)).join('\u202f×\u202f')} mm`;
}

/** The volume after each preprocessing step, with its numbers. */
export function stageCards(stages: readonly StagePreview[]): HTMLElement[] {
  return stages.map((stage) => {
    const name = STAGES[stage.stage] ?? stage.stage;
    const picture = pictureCanvas(stage.image, `${name}: middle slice`);
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
        element('span', {}, formatSize(stage.shape.slice(1))),
        element('span', { class: 'muted' }, spacingText(stage.spacing)),
        element('span', { class: 'muted' }, stage.orientation),
        element('span', { class: 'muted' }, `${number(stage.range[0])} to ${number(stage.range[1])}`),
      ),
    );
  });
}

/** Index of a base crop in grid order. */
export function gridIndex(counts: Vec3, i: number, j: number, k: number): number {
  return (i * counts[1] + j) * counts[2] + k;
}

/** Strength of a cell's colour. */
const strength = (share: number): string => `${Math.round(100 * Math.sqrt(Math.max(0, Math.min(1, share))))}%`;

/**
 * The position label as numbers on a heat map, with the network's answers below where there are any: one table for each layer of
 * the grid, laid out as the axial slice is, rows from anterior (high y) to posterior, columns from the patient's right (high x).
 */
export function labelTables(
  grid: CropGridPreview,
  label: ArrayLike<number> | undefined,
  predicted: ArrayLike<number> | undefined,
): HTMLElement[] {
  const { counts } = grid;
  return Array.from({ length: counts[2] }, (_, k) => {
    const table = element('table', { class: 'label' });
    if (counts[2] > 1) table.append(element('caption', { class: 'muted' }, `layer z = ${k + 1}`));
    for (let j = counts[1] - 1; j >= 0; j--) {
      const row = element('tr', {});
      for (let i = counts[0] - 1; i >= 0; i--) {
        const index = gridIndex(counts, i, j, k);
        row.append(labelCell(index, label?.[index], predicted?.[index]));
      }
      table.append(row);
    }
    return table;
  });
}

function labelCell(index: number, share: number | undefined, answer: number | undefined): HTMLElement {
  const parts = [`base crop ${index + 1}`];
  const shown = element('span', { class: 'share' }, share === undefined ? String(index + 1) : share.toFixed(3));
  shown.style.setProperty('--share', strength(share ?? 0));
  if (share !== undefined) parts.push(`label ${share.toFixed(3)}`);
  const cell = element('td', { 'data-base': index }, shown);
  if (answer !== undefined && share !== undefined) {
    const below = element('span', { class: 'answer' }, answer.toFixed(3));
    below.style.setProperty('--share', strength(answer));
    parts.push(`network ${answer.toFixed(3)}`);
    cell.append(below);
  }
  cell.title = parts.join(', ');
  return cell;
}

const CELL = 12;

/** Cosines between base crops as a picture, 0 dark to 1 bright, and their mean in words. */
export function similarityCanvas(similarity: readonly (readonly number[])[]): HTMLElement[] {
  const n = similarity.length;
  const others = similarity.flatMap((row, i) => row.filter((_, j) => i !== j));
  const mean = others.reduce((sum, value) => sum + value, 0) / Math.max(1, others.length);
  const words = `Mean cosine of different base crops: ${mean.toFixed(3)}`;
  const canvas = element('canvas', {
    width: n * CELL,
    height: n * CELL,
    role: 'img',
    'aria-label': words,
    class: 'matrix',
  });
  const context = canvas.getContext('2d')!;
  similarity.forEach((row, i) =>
    row.forEach((value, j) => {
      context.fillStyle = `rgb(${scaleColour(value).join()})`;
      context.fillRect(j * CELL, i * CELL, CELL - 1, CELL - 1);
    }),
  );
  canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
    const [i, j] = [offsetY, offsetX].map((at) => Math.min(n - 1, Math.floor((at * n) / canvas.clientWidth)));
    canvas.title = `base crops ${i! + 1} and ${j! + 1}: ${similarity[i!]?.[j!]?.toFixed(3) ?? ''}`;
  });
  return [canvas, scaleBarCanvas(['0', '1'], 'Colours of the matrix: cosine'), element('p', { class: 'muted' }, words)];
}

/** The colours of `scaleColour` from low to high, with the values at their ends. */
export function scaleBarCanvas([low, high]: readonly [string, string], title: string): HTMLElement {
  const canvas = element('canvas', { width: 128, height: 1, role: 'img', 'aria-label': `${title}, ${low} to ${high}` });
  const context = canvas.getContext('2d')!;
  for (let x = 0; x < 128; x++) {
    context.fillStyle = `rgb(${scaleColour(x / 127).join()})`;
    context.fillRect(x, 0, 1, 1);
  }
  return element('div', { class: 'scale', title }, element('span', {}, low), canvas, element('span', {}, high));
}
