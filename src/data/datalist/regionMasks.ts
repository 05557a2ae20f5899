import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, UserError } from '../../errors/userError';
import { counted } from '../../text';
import { caseName, isVolumeFile } from './case';
import { firstFile, type Found, type RegionMasks, type RegionName } from './found';
import { isItem, type Item } from './json';
import { listedPath } from './paths';
import { completeCases } from './problems';

/** What region masks are called in lists (nnssl's names), and by people. */
const NAMES: Readonly<Record<RegionName, { readonly key: string; readonly text: string }>> = {
  anonymization: { key: 'anonymization_mask', text: 'anonymisation mask' },
  anatomy: { key: 'anatomy_mask', text: 'anatomy mask' },
};

export const REGION_NAMES = Object.keys(NAMES) as RegionName[];

/** "anonymisation mask", "anatomy mask". */
export const regionText = (name: RegionName): string => NAMES[name].text;

/** The region masks of a case with their files. */
export const regionFiles = ({ regionMasks = {} }: { readonly regionMasks?: RegionMasks }): [RegionName, string][] =>
  REGION_NAMES.flatMap((name): [RegionName, string][] => {
    const file = regionMasks[name];
    return file === undefined ? [] : [[name, file]];
  });

/**
 * The region masks that an entry of a list names: `anonymization_mask` and `anatomy_mask`, or both within `associated_masks` as
 * nnssl has them. Paths start at `base`; null stands for none.
 *
 * @param where names the entry in errors
 */
export function listedRegionMasks(item: Item, base: string, where: string): { regionMasks?: RegionMasks } {
  const within = item.associated_masks ?? {};
  if (!isItem(within)) throw new UserError(`${where}: "associated_masks" must be an object with the paths of masks`);
  const named = REGION_NAMES.flatMap((name) => {
    const { key } = NAMES[name];
    const value = item[key] ?? within[key];
    if (value === undefined || value === null || value === '') return [];
    if (typeof value !== 'string') throw new UserError(`${where}: "${key}" must be the path of one mask`);
    return [[name, listedPath(base, value, where)] as const];
  });
  return named.length > 0 ? { regionMasks: Object.fromEntries(named) } : {};
}

/** How many cases have a region mask of each kind, in words, those that there are: "12 anonymisation masks". */
export function regionMaskCounts(cases: readonly { readonly regionMasks?: RegionMasks }[]): string[] {
  return REGION_NAMES.flatMap((name) => {
    const count = cases.filter(({ regionMasks }) => regionMasks?.[name] !== undefined).length;
    return count > 0 ? [counted(count, regionText(name))] : [];
  });
}

/** Folders with one mask an image, called as the image; null: masks that a list names are not used. */
export type RegionMaskChoice = Readonly<Partial<Record<RegionName, string | null>>>;

const goesOn = (text: string, start: string): boolean =>
  text.startsWith(start) && /^[-_. ]/.test(text.slice(start.length));

/** Finds the mask of an image in a folder: the file of the same name, or the only one whose name goes on after it. */
async function pairing(folder: string, text: string): Promise<(image: string) => string> {
  const listed = await readdir(folder).catch((error: unknown) => {
    throw fileError(error, folder, `list the ${text}s`);
  });
  const files = listed.filter(isVolumeFile);
  return (image) => {
    const names = [caseName(image), caseName(image).replace(/_\d{4}$/, '')];
    const same = files.find((file) => names.includes(caseName(file)));
    const longer = files.filter((file) => names.some((name) => goesOn(caseName(file), name)));
    const found = same ?? (longer.length === 1 ? longer[0] : undefined);
    if (found !== undefined) return join(folder, found);
    const why = longer.length > 1 ? `several fit it (${longer.slice(0, 3).join(', ')})` : `none is called ${names[0]}`;
    throw new UserError(`${image}: has no ${text} in ${folder}: ${why}`);
  };
}

/**
 * The region masks that a source asks for, instead of those that its list names. A case without one has a problem.
 *
 * @param choice paths are absolute
 * @throws UserError naming a folder that is not there, or in which no case has a mask
 */
export async function withRegionMasks(
  cases: readonly Found[],
  choice: RegionMaskChoice | undefined,
): Promise<readonly Found[]> {
  let result = cases;
  for (const name of REGION_NAMES) {
    const folder = choice?.[name];
    if (folder === undefined) continue;
    const find = folder === null ? undefined : await pairing(folder, NAMES[name].text);
    result = await completeCases(result, firstFile, (item) =>
      Promise.resolve().then(() => {
        const { [name]: _, ...others } = item.regionMasks ?? {};
        return { ...item, regionMasks: { ...others, ...(find && { [name]: find(firstFile(item)) }) } };
      }),
    );
  }
  return result;
}
