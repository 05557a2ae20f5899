import type { ComparedCase, ComparedCases, ComparedLocations, LocatedCheckpoint } from '../../src/protocol/comparison';
import type { CompareState } from '../../src/protocol/compare';
import type { LocateSummary } from '../../src/protocol/locate';
import type { VolumeWish } from '../../src/protocol/volume';
import { errorTop } from '../crops/errorSlices';
import { scaleBarCanvas } from '../crops/pictures';
import { dropdown } from '../ui/controls';
import { element } from '../ui/dom';
import type { Theme } from '../ui/theme';
import { shortCaseName, ORIGINS } from './caseModel';
import { badge, letterOf, reasonText } from './letters';
import { Task, type CompareHost } from './task';
import { ViewerPart } from './viewerPart';
import { formatPercent } from '../../src/text';

export interface PositionsContent {
  readonly files: readonly string[];
  readonly names: readonly string[];
  readonly cases: ComparedCases;
  readonly state: CompareState;
  readonly theme: Theme;
}

const percent = (share: number): string => formatPercent(share, 1);
const millimetres = (value: number | null): string => (value === null ? '–' : `${value.toFixed(1)} mm`);

/** What is told of the answers of a network, with how it is written. */
const NUMBERS: readonly (readonly [title: string, text: (summary: LocateSummary) => string, meaning: string])[] = [
  [
    'Placed rightly',
    ({ accuracy }) => percent(accuracy),
    'Share of random crops placed in the base crop that covers most of them',
  ],
  [
    'Mean distance',
    ({ meanDistance }) => millimetres(meanDistance),
    'Between the centre of a crop and the predicted position',
  ],
  [
    'Median distance',
    ({ medianDistance }) => millimetres(medianDistance),
    'Between the centre of a crop and the predicted position',
  ],
  ['Label error', ({ difference }) => difference.toFixed(3), 'Mean of |label − prediction| over the base crops'],
  [
    'Guessing the middle',
    ({ guessDistance }) => millimetres(guessDistance),
    'Mean distance if the answer were always the middle',
  ],
  [
    'Without an answer',
    ({ unanswered, positions }) => `${unanswered} of ${positions}`,
    'Crops that are not similar to any base crop',
  ],
];

/** The upper end of the colours, the same for all maps, in millimetres. */
export function topOf({ answers }: ComparedLocations): number {
  return Math.max(1, ...answers.flatMap(({ report }) => (report ? [errorTop(report)] : [])));
}

/** The image with the error map of each checkpoint that has one. */
export function mapVolumes(item: ComparedCase, locations: ComparedLocations, names: readonly string[]): VolumeWish[] {
  const range = [0, topOf(locations)] as const;
  return locations.answers.flatMap(({ map }, at) =>
    map === undefined
      ? []
      : [
          {
            path: item.image[0]!,
            name: `${letterOf(at)} · ${names[at]!}`,
            overlays: [{ path: map, name: `${letterOf(at)}, distance in mm`, mode: 'scale' as const, range }],
          },
        ],
  );
}

/** What pre-training checkpoints believe of the same places of an image: numbers, and maps of the error in linked views. */
export class PositionsView {
  readonly node = element('div', { class: 'positions' });
  private readonly bar = element('div', { class: 'toolbar' });
  private readonly numbers = element('div', { class: 'scroll' });
  private readonly scale = element('div', { class: 'scale' });
  private readonly notes = element('ul', { class: 'muted rest' });
  private readonly task: Task<'locate'>;
  private readonly viewer: ViewerPart;
  private content: PositionsContent | undefined;
  private shape = '';
  private asked = '';
  private locations: ComparedLocations | undefined;

  constructor(
    host: CompareHost,
    private readonly set: (change: Partial<CompareState>) => void,
    saved: CompareState,
    saveViewer: ConstructorParameters<typeof ViewerPart>[3],
  ) {
    this.task = new Task(host, 'locate');
    this.viewer = new ViewerPart(host, 'positions', saved.viewers.positions, saveViewer);
    this.node.append(this.bar, this.task.node, this.numbers, this.notes, this.scale, this.viewer.node);
    this.viewer.node.hidden = true;
  }

  update(content: PositionsContent): void {
    this.content = content;
    const { cases, state, files } = content;
    this.drawBar(cases.cases, state);
    const item = cases.cases.find(({ id }) => id === state.positionCase);
    const key = JSON.stringify([files, item?.id]);
    if (key !== this.asked) {
      this.asked = key;
      this.locations = undefined;
      this.draw();
      if (item) void this.ask(key, item);
    } else this.draw();
  }

  private drawBar(cases: readonly ComparedCase[], state: CompareState): void {
    const shape = cases.map(({ id }) => id).join('\n');
    if (shape === this.shape && this.bar.childElementCount > 0) return;
    this.shape = shape;
    if (cases.length === 0)
      return this.bar.replaceChildren(
        element('p', { class: 'muted' }, 'The configs of these checkpoints name no case.'),
      );
    const options = cases.map((item) => ({ value: item.id, label: `${shortCaseName(item)}, ${ORIGINS[item.origin]}` }));
    const all = [{ value: '', label: 'Choose a case…' }, ...options];
    const choose = (id: string): void => this.set({ positionCase: id === '' ? undefined : id });
    this.bar.replaceChildren(
      dropdown('Case', all, state.positionCase ?? '', choose, 'position-case'),
      element('span', { class: 'muted' }, 'Every network locates the same random crops in the volume.'),
    );
  }

  private async ask(key: string, item: ComparedCase): Promise<void> {
    const { files } = this.content!;
    const answer = await this.task.run({ files, image: item.image }, 'Locating crops with the networks');
    if (key !== this.asked || !answer) return;
    this.locations = answer;
    this.draw();
  }

  private draw(): void {
    const { locations, content } = this;
    for (const part of [this.numbers, this.notes, this.scale]) part.replaceChildren();
    this.viewer.node.hidden = true;
    if (!locations || !content) return;
    const { names, theme, state, cases } = content;
    const item = cases.cases.find(({ id }) => id === state.positionCase);
    if (!item) return;
    this.numbers.append(numbersTable(locations.answers, theme));
    this.notes.append(...notesOf(locations, content.files).map((text) => element('li', {}, text)));
    const volumes = mapVolumes(item, locations, names);
    if (volumes.length === 0) return;
    const top = `${Math.round(topOf(locations))} mm`;
    this.scale.append(scaleBarCanvas(['0', top], 'Colours of the maps: distance between a crop and the answer'));
    this.viewer.node.hidden = false;
    void this.viewer.show(volumes, {});
  }
}

function numbersTable(answers: readonly LocatedCheckpoint[], theme: Theme): HTMLElement {
  const shown = answers.flatMap(({ report }, at) => (report ? [{ at, summary: report.summary }] : []));
  const head = shown.map(({ at }) => element('th', { scope: 'col' }, badge(at, theme.kind)));
  const rows = NUMBERS.map(([title, text, meaning]) =>
    element(
      'tr',
      { title: meaning },
      element('th', { scope: 'row' }, title),
      ...shown.map(({ summary }) => element('td', {}, text(summary))),
    ),
  );
  return element(
    'table',
    { class: 'numbers' },
    element('caption', { class: 'unseen' }, 'How well each network locates crops'),
    element('thead', {}, element('tr', {}, element('td', {}), ...head)),
    element('tbody', {}, ...rows),
  );
}

/** What has to be known to read the numbers: who was not asked, and whose training differs from how it was asked. */
function notesOf({ answers, settingsOf }: ComparedLocations, files: readonly string[]): string[] {
  return answers.flatMap(({ missing, trainedOtherwise }, at) => [
    ...(missing === undefined ? [] : [reasonText(at, files[at]!, missing)]),
    ...(trainedOtherwise.length === 0
      ? []
      : [
          `${letterOf(at)} was trained with other values of ${trainedOtherwise.join(', ')}, but asked with those of ` +
            `${letterOf(settingsOf)}.`,
        ]),
  ]);
}
