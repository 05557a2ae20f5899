import type { Parsed, Tags } from './dataset';
import { mosaicFrames } from './mosaic';
import type { FileInfo, Frame } from './types';

/** Groups that are looked through for a frame: objects have some twenty. */
const MOST_GROUPS = 100;
/** The longest series are of some ten thousand frames. */
const MOST_FRAMES = 100_000;

/** Looks for an element in the functional groups of one frame, in those that all frames share, and in the data set. */
class FrameTags {
  private readonly places: readonly Tags[];

  constructor(
    private readonly top: Tags,
    perFrame: Tags | undefined,
    shared: readonly Tags[],
  ) {
    const groups = (item: Tags | undefined): Tags[] =>
      item ? item.tags.flatMap((tag) => item.items(tag).slice(0, 1)) : [];
    this.places = [...groups(perFrame), ...shared.flatMap(groups)].slice(0, MOST_GROUPS);
  }

  of(tag: string): Tags {
    return this.places.find((place) => place.has(tag)) ?? this.top;
  }

  text = (tag: string): string => this.of(tag).text(tag);
  numbers = (tag: string): number[] => this.of(tag).numbers(tag);
  number = (tag: string): number | undefined => this.of(tag).number(tag);
  double = (tag: string): string => this.of(tag).doubles(tag).join(',');
  long = (tag: string): string => this.of(tag).longs(tag).join(',');
  short = (tag: string): string => String(this.of(tag).short(tag) ?? '');
}

/** What can tell images at one position apart, in the order in which it is tried. */
const MARKS: readonly (readonly [name: string, (tags: FrameTags) => string])[] = [
  ['stack', (t) => t.text('x00209056')],
  ['temporal position', (t) => t.long('x00209128') || t.text('x00200100')],
  ['frame time', (t) => t.text('x00541300')],
  ['echo time', (t) => t.double('x00189082') || t.text('x00180081')],
  ['echo number', (t) => t.text('x00180086')],
  ['b-value', (t) => t.double('x00189087') || firstOf(t.text('x00431039')) || t.text('x0019100c')],
  [
    'diffusion direction',
    (t) =>
      t.double('x00189089') ||
      t.double('x0019100e') ||
      [t.text('x001910bb'), t.text('x001910bc'), t.text('x001910bd')].join(',').replace(/^,,$/, ''),
  ],
  ['trigger time', (t) => t.text('x00181060') || t.double('x00209153')],
  ['inversion time', (t) => t.text('x00180082') || t.double('x00189079')],
  ['flip angle', (t) => t.text('x00181314')],
  ['tube voltage', (t) => t.text('x00180060')],
  ['reconstruction kernel', (t) => t.text('x00181210')],
  ['contrast agent', (t) => t.text('x00180010')],
  ['image type', (t) => t.text('x00089007') || t.text('x00080008')],
  ['acquisition number', (t) => t.text('x00200012') || t.short('x00209156')],
  ['acquisition time', (t) => t.text('x0008002a') || t.text('x00080032') || t.text('x00189074')],
  ['content time', (t) => t.text('x00080033')],
];

const firstOf = (text: string): string => text.split('\\')[0]!;

function marksOf(tags: FrameTags): Record<string, string> {
  const marks: Record<string, string> = {};
  for (const [name, read] of MARKS) {
    const value = read(tags);
    if (value !== '') marks[name] = value;
  }
  return marks;
}

function triple(values: readonly number[]): readonly number[] | undefined {
  return values.length >= 3 ? values.slice(0, 3) : undefined;
}

function pixelSpacing(tags: FrameTags): readonly number[] | undefined {
  for (const tag of ['x00280030', 'x00181164', 'x00182010']) {
    const found = tags.numbers(tag);
    if (found.length >= 2 && found.every((mm) => mm > 0)) return found.slice(0, 2);
  }
  return undefined;
}

function frameOf(tags: FrameTags, index: number, instance: number): Frame {
  const orientation = tags.numbers('x00200037');
  const [slope, intercept] = [tags.number('x00281053'), tags.number('x00281052')];
  return {
    index,
    position: triple(tags.numbers('x00200032')),
    orientation: orientation.length >= 6 ? orientation.slice(0, 6) : undefined,
    spacing: pixelSpacing(tags),
    slope: slope === undefined || slope === 0 ? 1 : slope,
    intercept: intercept ?? 0,
    rescaled: slope !== undefined || intercept !== undefined,
    thickness: tags.number('x00180050'),
    between: tags.number('x00180088'),
    location: tags.number('x00201041'),
    instance,
    marks: marksOf(tags),
  };
}

/** Frames of an object of many frames without functional groups: nuclear medicine. Their places follow from the first one's. */
function oldFrames(parsed: Parsed, count: number, warnings: string[]): Frame[] {
  const { data } = parsed;
  const detector = data.items('x00540022').slice(0, 1);
  const tags = new FrameTags(data, undefined, []);
  const first = frameOf(tags, 0, 0);
  const from = (tag: string) => detector[0]?.numbers(tag) ?? [];
  const position = first.position ?? triple(from('x00200032'));
  const orientation = first.orientation ?? (from('x00200037').length >= 6 ? from('x00200037').slice(0, 6) : undefined);
  const step = first.between ?? (data.text('x00080060') === 'NM' ? first.thickness : undefined);
  const tomographic = /RECON|VOLUME/.test(data.text('x00080008')) || data.text('x00080060') !== 'NM';
  if (!position || !orientation || step === undefined || !tomographic) return [];
  warnings.push(
    'the file gives no position of each frame: they follow from the first one and the spacing between slices',
  );
  const [r, c] = [orientation.slice(0, 3), orientation.slice(3)];
  const normal = [r[1]! * c[2]! - r[2]! * c[1]!, r[2]! * c[0]! - r[0]! * c[2]!, r[0]! * c[1]! - r[1]! * c[0]!];
  return Array.from({ length: count }, (_, index) => ({
    ...first,
    index,
    instance: index + 1,
    orientation,
    position: position.map((mm, axis) => mm + normal[axis]! * step * index),
    marks: {},
  }));
}

export interface Frames {
  readonly frames: readonly Frame[];
  readonly warnings: readonly string[];
  /** Why the frames are no volume. */
  readonly refused?: string;
}

/** The frames of a file: one, those of an enhanced or older multi-frame object, or the tiles of a Siemens mosaic. */
export function framesOf(parsed: Parsed, info: Pick<FileInfo, 'rows' | 'columns'>): Frames {
  const { data } = parsed;
  const count = data.number('x00280008') ?? 1;
  const instance = data.number('x00200013') ?? Number.NaN;
  if (count > MOST_FRAMES)
    return { frames: [], warnings: [], refused: `an object of ${count} frames, which no scanner makes: it is damaged` };
  const shared = data.items('x52009229').slice(0, 1);
  const perFrame = data.items('x52009230');
  if (perFrame.length > 0) {
    const frames = perFrame
      .slice(0, count)
      .map((item, index) => frameOf(new FrameTags(data, item, shared), index, instance * 100_000 + index));
    return { frames, warnings: [] };
  }
  const first = frameOf(new FrameTags(data, undefined, shared), 0, instance);
  if (/(^|\\)MOSAIC(\\|$)/.test(data.text('x00080008'))) return mosaicFrames(data, info, first);
  if (count <= 1) return { frames: [first], warnings: [] };
  const warnings: string[] = [];
  const frames = oldFrames(parsed, count, warnings);
  if (frames.length > 0) return { frames, warnings };
  return { frames, warnings, refused: `${count} frames without positions (a film or projections), no volume` };
}
