import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { UserError, fileError } from '../../errors/userError';
import type { DataLook } from '../../protocol/datasets';
import { counted } from '../../text';
import { imageFiles } from './case';
import { datalistKeys, readDatalist } from './decathlon';
import { firstFile, type Found } from './found';
import { isItem, type Item } from './json';
import { masksBeside } from './masks';
import { channelNames, datasetJsonNear, isNnunet } from './nnunet';
import { isNnssl } from './nnssl';
import { regionMaskCounts } from './regionMasks';
import { casesAsFound } from './sources';

/** Masks of the first case tell of all: folders of thousands are not gone through. */
async function masksText(cases: readonly Found[]): Promise<string> {
  const image = firstFile(cases[0]!);
  const masks = await masksBeside(image);
  return masks.length > 0 ? `, each with a folder of masks (${masks.length} in the first)` : '';
}

function channelsOf(cases: readonly Found[]): readonly string[] | undefined {
  const several = cases.find((item) => imageFiles(item).length > 1);
  return several && (several.channels ?? imageFiles(several).map(() => ''));
}

function channelsText(channels: readonly string[] | undefined): string {
  if (!channels) return '';
  const named = channels.some((name) => name !== '');
  const names = channels.map((name, i) => `${i}${name === '' || name === String(i) ? '' : ` ${name}`}`).join(', ');
  return ` of ${channels.length} channels${named ? ` (${names})` : ''}`;
}

/** Names of MR and of its sequences, as data sets call them. */
const MR =
  /^(mri?|mr[ _-]?t[12].*|t[12]([ _-]?(w|ce|c|gd|gad|wgd|weighted|flair|post|pre|n|f|map|star|\*).*)?|flair|pdw?|adc|dwi|swi|dce.*|b\d+)$/i;

/** Whether a `dataset.json` says that all of its channels are MRI. */
function saysMri(content: Item | undefined): boolean {
  const names = content && channelNames(content);
  return names !== undefined && names.length > 0 && names.every((name) => MR.test(name.trim()));
}

async function lookAtFolder(folder: string): Promise<DataLook> {
  const cases = await casesAsFound({ folder }, folder);
  const channels = channelsOf(cases);
  const first = firstFile(cases[0]!);
  const content = await datasetJsonNear(dirname(first));
  const raw = /^images/i.test(basename(dirname(first))) && isNnunet(content ?? {});
  const mri = saysMri(content);
  const bids = cases.some((item) => /[\\/]sub-[^\\/]+[\\/](.*[\\/])?anat$/.test(dirname(imageFiles(item)[0]!)));
  const what = raw ? 'nnU-Net data set, ' : bids ? 'BIDS, ' : '';
  const count = counted(cases.length, channels ? 'case' : 'volume');
  const text = `${what}${count}${channelsText(channels)}${mri ? ' of MRI' : ''}${await masksText(cases)}`;
  return { path: folder, list: false, text, cases: cases.length, ...(channels && { channels }), ...(mri && { mri }) };
}

function kindOfList(content: Item): string {
  if (isNnssl(content)) return "nnssl's list";
  return isNnunet(content) ? 'list of nnU-Net' : 'datalist';
}

async function lookAtList(file: string): Promise<DataLook> {
  const content = await readDatalist(file);
  const lists = datalistKeys(content);
  const keys = lists.map(({ key }) => key);
  const key = keys.includes('training') || keys.length === 0 ? 'training' : keys[0]!;
  const cases = await casesAsFound({ datalist: file, key }, dirname(file));
  const channels = channelsOf(cases);
  const entries = content[key];
  const folds = Array.isArray(entries) && entries.some((item) => isItem(item) && typeof item.fold === 'number');
  const others = lists.filter((list) => list.key !== key).map((list) => `${list.count} in "${list.key}"`);
  const where = key === 'training' ? '' : ` in "${key}"`;
  const mri = saysMri(content);
  const count = `${counted(cases.length, 'case')}${where}${channelsText(channels)}${mri ? ' of MRI' : ''}`;
  const text = [`${kindOfList(content)}, ${count}`, ...regionMaskCounts(cases), ...others].join(', ');
  const told = { ...(channels && { channels }), ...(mri && { mri }) };
  return { path: file, list: true, text, cases: cases.length, keys, folds, ...told };
}

/**
 * What a folder or a list of cases is, in words, and what a config of it must say.
 *
 * @throws UserError when there is nothing at the path, or it is no data that can be trained on
 */
export async function lookAtData(path: string): Promise<DataLook> {
  const status = await stat(path).catch((error: unknown) => {
    throw fileError(error, path, 'read the data');
  });
  const look = await (status.isDirectory() ? lookAtFolder(resolve(path)) : lookAtList(resolve(path)));
  if (look.cases === 0) throw new UserError(`${path}: has no cases`);
  return look;
}
