import { UserError } from '../../errors/userError';
import type { ChannelSetting } from '../channels';

/** A mask of one class, which is merged with others into a label map. */
export interface Mask {
  readonly file: string;
  readonly name: string;
}

/**
 * Masks of an image that pre-training reads: what an anonymisation removed (a face), in which nothing is to be restored, and the
 * anatomy, in which crops are drawn. Files by region.
 */
export interface RegionMasks {
  readonly anonymization?: string;
  readonly anatomy?: string;
}

export type RegionName = keyof RegionMasks;

/** What is wrong with one case of a source. The rest of the source can be used. */
export interface CaseProblem {
  readonly file: string;
  /** Says also what belongs there. */
  readonly message: string;
  /** The entry names no image: the place of the entry stands for one. */
  readonly noImage?: true;
}

/** A case of a source before it has an id and one image for each channel that is asked for. */
export interface Found {
  readonly image: string | readonly string[];
  /** See `Case.missing`. */
  readonly missing?: readonly number[];
  readonly label?: string;
  /** See `Case.labelled`. */
  readonly labelled?: readonly string[];
  readonly masks?: readonly Mask[];
  readonly regionMasks?: RegionMasks;
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

/** What a config's data section says of channels. */
export interface ChannelsOfData {
  readonly channel?: ChannelSetting;
  readonly missingChannels?: 'stop' | 'zero';
}

/**
 * Takes the channel that a source asks for out of cases that have one file a channel.
 *
 * @param choice of the source; undefined: none
 * @param data `data.channel` and `data.missingChannels`; where the channel is not known, files of lists are left as they are
 * @throws UserError when nothing is chosen, or a case does not have the channel
 */
export function chooseChannels(
  cases: readonly Found[],
  choice: ChannelChoice | undefined,
  { channel: ofData, missingChannels }: ChannelsOfData,
  where: string,
): Found[] {
  return cases.map((item) => {
    const files = typeof item.image === 'string' ? [item.image] : item.image;
    const grouped = item.channels !== undefined;
    const names = item.channels ?? files.map(String).map(() => '');
    const all = choice === 'all' || (choice === undefined && (ofData === 'all' || ofData === 'random'));
    // Of crops that show one channel each, those that are there do.
    if (all) return complete(item, files, names, where, ofData === 'random' ? 'leave' : (missingChannels ?? 'stop'));
    if (choice === undefined) {
      if (files.length === 1) return { ...item, image: files[0]! };
      if (!grouped && ofData === undefined) return complete(item, files, names, where, 'stop');
      throw new UserError(
        `${where}: each case has ${files.length} channels, one file each (${said(names)}); choose one with "channel": 0 in the source, ` +
          `or take them all with data.channel "all" and network.inChannels ${files.length} (in pre-training also one for each crop: "random")`,
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

/** The case with all of its channels. */
function complete(
  item: Found,
  files: readonly string[],
  names: readonly string[],
  where: string,
  absent: 'stop' | 'zero' | 'leave',
): Found {
  const there = files.filter((file) => file !== '');
  const missing = [...files.keys()].filter((channel) => files[channel] === '');
  const [first] = missing;
  if (first === undefined || absent === 'leave') return { ...item, image: there.length === 1 ? there[0]! : there };
  if (absent === 'zero') return { ...item, image: there, missing };
  const name = names[first] ? `${first} (${names[first]})` : String(first);
  throw new UserError(
    `${where}: the case ${nameOf(item)} has no file of channel ${name}; data.missingChannels "zero" fills it with zeros`,
  );
}
