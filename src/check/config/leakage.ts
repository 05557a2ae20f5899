import { basename, dirname } from 'node:path';
import { readPlainText } from '../../files/regular';
import type { Config } from '../../config';
import { configOfText } from '../../config/ofText';
import type { Problem } from '../../schema';
import type { ImageFacts } from '../../data/judge';
import { findLeakage, type CaseFacts } from '../dataset';
import type { FileFacts } from './fileFacts';
import { lookAtSources, type Source } from './sources';
import { runFiles } from '../../runs/files';

const casesOf = (sources: readonly Source[]): CaseFacts[] => sources.flatMap(({ cases }) => [...cases]);

/** The same facts with hashes of the content, for images that are as long as one of `others`: only these can be equal. */
async function withHashes(
  cases: readonly CaseFacts[],
  others: readonly CaseFacts[],
  facts: FileFacts,
): Promise<CaseFacts[]> {
  const bytesOf = async (image: ImageFacts): Promise<number> => {
    const looked = await facts.image(image.file);
    return 'bytes' in looked ? looked.bytes : -1;
  };
  const lengths = new Set(await Promise.all(others.flatMap(({ images }) => images).map(bytesOf)));
  const hashed = async (image: ImageFacts): Promise<ImageFacts> =>
    lengths.has(await bytesOf(image)) ? { ...image, fingerprints: [await facts.hash(image.file)] } : image;
  return Promise.all(cases.map(async (one) => ({ ...one, images: await Promise.all(one.images.map(hashed)) })));
}

/** Which of the held-out images are trained on, in words; undefined where none is. */
async function overlap(
  train: readonly Source[],
  heldOut: readonly Source[],
  facts: FileFacts,
): Promise<{ message: string; severity: Problem['severity'] } | undefined> {
  const [own, held] = [casesOf(train), casesOf(heldOut)];
  const found = findLeakage(await withHashes(own, held, facts), await withHashes(held, own, facts), 'it');
  const [first] = found;
  if (!first) return undefined;
  const which = found.length === 1 ? 'a volume' : `${found.length} volumes`;
  const severity = found.some((one) => one.severity === 'error') ? 'error' : 'warning';
  return { message: `${which} of it: ${first.file} ${first.message.replace(/^is in it and /, '')}`, severity };
}

/** Volumes that are trained on and held out in the same config. */
export async function ownLeakage(
  train: readonly Source[],
  validation: readonly Source[],
  facts: FileFacts,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const source of validation) {
    const found = await overlap(train, [source], facts);
    if (!found) continue;
    const message = `training sees ${found.message}: scores would be too good (leakage)`;
    problems.push({ path: source.path, message, severity: found.severity });
  }
  return problems;
}

async function readConfig(file: string): Promise<Config | undefined> {
  return configOfText(await readPlainText(file).catch(() => ''), dirname(file));
}

/** Volumes of a pre-training that other configs keep for validation after fine-tuning. */
export async function downstreamLeakage(
  train: readonly Source[],
  others: readonly string[],
  facts: FileFacts,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const file of others) {
    const config = await readConfig(file);
    if (config?.kind !== 'finetune' || config.data.validation.length === 0) continue;
    const held = await lookAtSources(config, 'validation', facts);
    for (const source of train) {
      const found = await overlap([source], held.sources, facts);
      if (!found) continue;
      const name = basename(file);
      const message = `the validation of ${name} has ${found.message}: its scores would be too good (leakage)`;
      problems.push({ path: source.path, message, severity: 'warning' });
    }
  }
  return problems;
}

/** Held-out volumes of a fine-tuning that its checkpoint was pre-trained on, as the checkpoint's run tells. */
export async function checkpointLeakage(
  checkpoint: string | null,
  validation: readonly Source[],
  facts: FileFacts,
): Promise<Problem[]> {
  if (checkpoint === null || validation.length === 0) return [];
  const run = dirname(dirname(checkpoint));
  const config = await readConfig(runFiles(run).config);
  if (config?.kind !== 'pretrain') return [];
  const seen = await lookAtSources(config, 'train', facts);
  const found = await overlap(seen.sources, validation, facts);
  if (!found) return [];
  const message = `pre-training has seen the validation: ${found.message}, so scores would be too good (leakage)`;
  return [{ path: ['init', 'checkpoint'], message, severity: 'warning' }];
}
