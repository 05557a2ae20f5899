import { voxelCount, type Vec3 } from '../../src/geometry';
import type { CropAnswer } from '../../src/protocol/answers';
import type { CropChoice, CropGridPreview, CropPreview, CropsPreview } from '../../src/protocol/crops';
import { button } from '../ui/controls';
import { element } from '../ui/dom';
import { CropFields } from './fields';
import { answerNodes } from './answers';
import { pictureRow } from './cropPictures';
import { labelTables } from './pictures';
import { formatSize } from '../../src/text';

export interface CropSectionActions {
  /** Puts the crop elsewhere, or gives it another size. */
  place(centre: Vec3, size: Vec3): void;
  /** Undoes that. */
  back(): void;
}

/** The crop in words and numbers: where it is, its position label, what of it goes in, what is asked, and what is answered. */
export class CropSection {
  /** Place and label. */
  readonly node: HTMLElement;
  /** The slices. */
  readonly pictures = element('div', { class: 'crops' });
  private readonly fields: CropFields;
  private readonly back: HTMLElement;
  private readonly where = element('p', { class: 'muted', id: 'where', role: 'status' });
  private readonly label = element('div', { id: 'label' });
  private readonly answered = element('div', { id: 'answered', 'aria-live': 'polite' });

  constructor(actions: CropSectionActions) {
    this.fields = new CropFields((centre, size) => actions.place(centre, size));
    this.back = button('Back to the drawn crop', () => actions.back(), { id: 'drawn-crop' });
    this.node = element('section', {}, this.where, this.fields.node, this.back, this.label);
  }

  show(crop: CropPreview, choice: CropChoice, { input, task }: CropsPreview): void {
    const moved = choice.centre !== undefined || choice.size !== undefined;
    this.where.textContent = inWords(crop, moved);
    this.back.hidden = !moved;
    const movable = choice.kind === 'random';
    this.fields.show(crop.centre, crop.box, { centre: movable, size: movable && task.resizable });
    this.pictures.replaceChildren(
      group('Cut from the volume', pictureRow({ name: `${formatSize(input)} voxels`, images: crop.plain })),
      group(
        'Goes in',
        ...crop.goesIn.map((picture) => pictureRow(picture)),
        element('p', { class: 'muted', id: 'augmentation' }, crop.augmentation),
      ),
      ...this.askedNodes(crop),
      this.answered,
    );
  }

  private askedNodes({ asked, question }: CropPreview): HTMLElement[] {
    if (asked.length === 0 && question === undefined) return [];
    const words = question === undefined ? [] : [element('p', { id: 'question' }, question)];
    return [group('Asked', ...words, ...asked.map((picture) => pictureRow(picture)))];
  }

  /** What the network answers; undefined while it is not asked, or has not answered. */
  showAnswer(answer: CropAnswer | undefined): void {
    this.answered.replaceChildren(...(answer ? [group('Answered', ...answerNodes(answer))] : []));
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

const group = (name: string, ...nodes: HTMLElement[]): HTMLElement =>
  element('section', { 'aria-label': name }, element('h2', {}, name), ...nodes);

/** Size, place and main base crop of a crop. */
function inWords({ box, centre, label }: CropPreview, moved: boolean): string {
  const main = label ? label.indexOf(Math.max(...label)) : -1;
  const share = label ? `; ${Math.round(100 * label[main]!)} % of it in base crop ${main + 1}` : '';
  return `${formatSize(box.size)} voxels around ${centre.join(', ')}${moved ? ' (changed by you)' : ''}${share}`;
}
