import { voxelCount } from '../../src/geometry';
import type { CropChoice, CropsPreview, CropsState } from '../../src/protocol/crops';
import { button, checkbox } from '../ui/controls';
import { element } from '../ui/dom';

export interface ToolbarActions {
  chooseCase(index: number): void;
  choose(choice: CropChoice): void;
  /** To the draw of another epoch. */
  step(by: number): void;
  augment(change: Partial<CropsState['augment']>): void;
}

/** The row above the slices: case, crop, epoch, and which augmentations are made. */
export class CropToolbar {
  readonly node: HTMLElement;
  private readonly cases = element('select', { id: 'case', 'aria-label': 'Case' });
  private readonly choices = element('select', { id: 'choice', 'aria-label': 'Crop' });
  private readonly epoch = element('output', { id: 'epoch' });
  /** Each augmentation of VoCo's crops, and all that other tasks make. */
  private readonly parts: readonly HTMLElement[];
  private readonly whole: HTMLElement;

  constructor(augmentations: CropsState['augment'], actions: ToolbarActions) {
    this.cases.addEventListener('change', () => actions.chooseCase(this.cases.selectedIndex));
    this.choices.addEventListener('change', () => {
      const [kind, index] = this.choices.value.split('/');
      actions.choose({ kind: kind as CropChoice['kind'], index: Number(index) });
    });
    const augment = (name: keyof CropsState['augment'], text: string): HTMLElement =>
      checkbox(text, augmentations[name], (on) => actions.augment({ [name]: on }), `augment-${name}`);
    this.parts = [augment('flip', 'Flips'), augment('rotate', 'Turns'), augment('shift', 'Intensity shift')];
    const all = (on: boolean): void => actions.augment({ flip: on, rotate: on, shift: on });
    this.whole = checkbox('Augmentation', augmentations.flip || augmentations.rotate, all, 'augment-all');
    this.node = element(
      'div',
      { class: 'toolbar' },
      element('label', { class: 'field' }, 'Case', this.cases),
      element('label', { class: 'field' }, 'Crop', this.choices),
      element(
        'span',
        { class: 'field' },
        button('‹', () => actions.step(-1), { id: 'previous-draw', title: 'The draw of the epoch before' }),
        this.epoch,
        button('›', () => actions.step(1), { id: 'next-draw', title: 'The draw of the next epoch' }),
      ),
      element(
        'span',
        { class: 'augmentations', role: 'group', 'aria-label': 'Augmentation' },
        ...this.parts,
        this.whole,
      ),
    );
  }

  /** Lists what the config offers. */
  list({ cases, randomCrops, grid, task }: CropsPreview, { caseIndex, choice }: CropsState): void {
    // Only crops that can be resized are augmented in these three ways alone.
    for (const part of this.parts) part.hidden = !task.resizable;
    this.whole.hidden = task.resizable;
    this.cases.replaceChildren(...cases.map((name) => element('option', {}, name)));
    this.cases.selectedIndex = Math.min(caseIndex, cases.length - 1);
    const bases = voxelCount(grid.counts);
    const option = (kind: CropChoice['kind'], index: number, text: string): HTMLElement =>
      element('option', { value: `${kind}/${index}` }, text);
    this.choices.replaceChildren(
      ...Array.from({ length: randomCrops }, (_, i) => option('random', i, `random crop ${i + 1}`)),
      ...Array.from({ length: bases }, (_, i) => option('base', i, `base crop ${i + 1}`)),
    );
    const limit = choice.kind === 'random' ? randomCrops : bases;
    this.show({ ...choice, index: Math.min(choice.index, limit - 1) });
  }

  show({ kind, index }: CropChoice): void {
    this.choices.value = `${kind}/${index}`;
  }

  showDraw(draw: number): void {
    this.epoch.textContent = `epoch ${draw + 1}`;
  }
}
