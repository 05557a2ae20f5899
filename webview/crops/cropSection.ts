import { voxelCount, type Vec3 } from '../../src/geometry';
import type { CropChoice, CropGridPreview, CropPreview, GreyImage } from '../../src/protocol/crops';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import { CropFields } from './fields';
import { greyCanvas, labelTables } from './pictures';
import { formatSize } from '../../src/text';

export interface CropSectionActions {
  /** Puts the crop elsewhere, or gives it another size. */
  place(centre: Vec3, size: Vec3): void;
  /** Undoes that. */
  back(): void;
}

/** The crop in words and numbers: where it is, its position label, and its middle slices before and after augmentation. */
export class CropSection {
  /** Place and label. */
  readonly node: HTMLElement;
  /** The slices. */
  readonly pictures = element('div', { class: 'crops' });
  private readonly fields: CropFields;
  private readonly back: HTMLElement;
  private readonly where = element('p', { class: 'muted', id: 'where', role: 'status' });
  private readonly label = element('div', { id: 'label' });

  constructor(actions: CropSectionActions) {
    this.fields = new CropFields((centre, size) => actions.place(centre, size));
    this.back = button('Back to the drawn crop', () => actions.back(), { id: 'drawn-crop' });
    this.node = element('section', {}, this.where, this.fields.node, this.back, this.label);
  }

  /** @param input size of a crop as the network gets it. */
  show(crop: CropPreview, choice: CropChoice, input: Vec3): void {
    const moved = choice.centre !== undefined || choice.size !== undefined;
    this.where.textContent = inWords(crop, moved);
    this.back.hidden = !moved;
    this.fields.show(crop.centre, crop.box, choice.kind === 'random');
    this.pictures.replaceChildren(
      ...pictureRow(`Crop at ${formatSize(input)}`, crop.plain),
      ...pictureRow('As the network sees it', crop.seen),
      ...(crop.target ? pictureRow('What the network is to give', crop.target) : []),
      element('p', { class: 'muted', id: 'augmentation' }, crop.augmentation),
    );
  }

  /** The position label of a random crop, beside what the network predicts. */
  showLabel({ label }: CropPreview, grid: CropGridPreview, prediction: readonly number[] | undefined): void {
    const predicted = label && prediction;
    const title = label ? 'Position label: share of the crop in each base crop' : 'Base crops';
    const names =
      predicted && element('p', { class: 'key' }, element('span', {}, 'label'), element('span', {}, 'network'));
    // A pretext task without base crops has no positions.
    if (voxelCount(grid.counts) === 0) return this.label.replaceChildren();
    const tables = labelTables(grid, label, predicted);
    this.label.replaceChildren(element('h2', {}, title), ...tables, ...(names ? [names] : []));
  }
}

function pictureRow(text: string, images: readonly GreyImage[]): HTMLElement[] {
  const canvases = images.map((one, at) => greyCanvas(one, `${text}, across ${'zyx'[at]}`, true));
  return [element('h2', {}, text), element('div', { class: 'row' }, ...canvases)];
}

/** Size, place and main base crop of a crop. */
function inWords({ box, centre, label }: CropPreview, moved: boolean): string {
  const main = label ? label.indexOf(Math.max(...label)) : -1;
  const share = label ? `; ${Math.round(100 * label[main]!)} % of it in base crop ${main + 1}` : '';
  return `${formatSize(box.size)} voxels around ${centre.join(', ')}${moved ? ' (changed by you)' : ''}${share}`;
}
