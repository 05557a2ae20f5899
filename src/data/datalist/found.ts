import { UserError } from '../../errors/userError';

/** A mask of one class, which is merged with others into a label map. */
export interface Mask {
  readonly file: string;
  readonly name: string;
}

/** What is wrong with one case of a source. The rest of the source can be used. */
export interface CaseProblem {
  readonly file: string;
  /** Says also what belongs there. */
  readonly message: string;
}

/** A case of a source before it has an id and one image for each channel that is asked for. */
export interface Found {
  readonly image: string | readonly string[];
  readonly label?: string;
  /** See `Case.labelled`. */
  readonly labelled?: readonly string[];
  readonly masks?: readonly Mask[];
  readonly problem?: CaseProblem;
  readonly source: string;
  /** What the case is called, where that is not its image's file name. */
  readonly name?: string;
  /** The image has one file a channel, called so; a channel of which the case has no file is ''. */
  readonly channels?: readonly string[];
}

/** The first file of a case that is there. */
export const firstFile = ({ image }: Pick<Found, 'image'>): string => [image].flat().find((file) => file !== '')!;

/** Which channel of cases with one file a channel: its number or name, or all of them. */
export type ChannelChoice = number | string;

const said = (names: readonly string[]): string =>
  names.map((name, i) => (name === '' || name === String(i) ? String(i) : `${i} ${name}`)).join(', ');

function positionOf(choice: ChannelChoice, names: readonly string[], count: number): number {
  if (typeof choice === 'number') return choice < count ? choice : -1;
  const byName = names.findIndex((name) => name.toLowerCase() === choice.toLowerCase());
  return byName >= 0 || !/^\d+$/.test(choice) ? byName : positionOf(Number(choice), names, count);
}

/**
 * Takes the channel that a source asks for out of cases that have one file a channel.
 *
 * @param choice of the source; undefined: none
 * @param ofData `data.channel`; undefined where it is not known: files of lists are left as they are then
 * @throws UserError when nothing is chosen, or a case does not have the channel
 */
export function chooseChannels(
  cases: readonly Found[],
  choice: ChannelChoice | undefined,
  ofData: number | 'all' | undefined,
  where: string,
): Found[] {
  return cases.map((item) => {
    const files = typeof item.image === 'string' ? [item.image] : item.image;
    const grouped = item.channels !== undefined;
    const names = item.channels ?? files.map(String).map(() => '');
    if (choice === 'all' || (choice === undefined && ofData === 'all')) return complete(item, files, names, where);
    if (choice === undefined) {
      if (files.length === 1) return { ...item, image: files[0]! };
      if (!grouped && ofData === undefined) return item;
      throw new UserError(
        `${where}: each case has ${files.length} channels, one file each (${said(names)}); choose one with "channel": 0 in the source, ` +
          `or take them all with data.channel "all" and network.inChannels ${files.length}`,
      );
    }
    const at = positionOf(choice, names, files.length);
    if (at < 0)
      throw new UserError(`${where}: there is no channel ${JSON.stringify(choice)}; there are ${said(names)}`);
    if (files[at] === '') throw new UserError(`${where}: the case ${nameOf(item)} has no file of channel ${at}`);
    return { ...item, image: files[at]! };
  });
}

const nameOf = (item: Found): string => item.name ?? [item.image].flat().find((file) => file !== '') ?? '';

function complete(item: Found, files: readonly string[], names: readonly string[], where: string): Found {
  const absent = files.indexOf('');
  if (absent < 0) return { ...item, image: files.length === 1 ? files[0]! : files };
  const name = names[absent] ? `${absent} (${names[absent]})` : String(absent);
  throw new UserError(`${where}: the case ${nameOf(item)} has no file of channel ${name}`);
}
