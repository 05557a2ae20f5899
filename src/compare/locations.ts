import { stat } from 'node:fs/promises';
import { isVoco, type VocoConfig } from '../pretext/voco/config';
import { configDifferences } from '../config/flatten';
import { cacheFolder, cacheKey, resultImage } from '../data/cache';
import { UserError } from '../errors/userError';
import type { ComparedLocations, LocatedCheckpoint } from '../protocol/comparison';
import type { LocateReport } from '../protocol/locate';
import { writeErrorMap, type Locator } from '../locate';
import type { OpenedCheckpoint } from './checkpoints';
import type { CallContext } from '../rpc';

export interface LocationQuestion {
  /** The image's files, absolute. */
  readonly image: readonly string[];
  readonly positions: number;
  readonly seed: number;
}

/** What shapes a question to a network and its answer, as far as the network was not trained with one of it alone. */
function asked({ data, method }: VocoConfig) {
  const { grid, gridPlace, crop, cropMm, input, randomCrops } = method;
  return {
    data: { preprocess: data.preprocess, channel: data.channel },
    method: { grid, gridPlace, crop, cropMm, input, randomCrops },
  };
}

/** Paths of settings in which two configs ask otherwise. */
function differences(a: VocoConfig, b: VocoConfig): string[] {
  return [...configDifferences(asked(a), asked(b)).keys()].sort();
}

/** The map of a report as a file, written once. */
async function mapFile(
  report: LocateReport,
  config: VocoConfig,
  image: readonly string[],
): Promise<string | undefined> {
  if (report.map.values.length === 0) return undefined;
  const { positions, seed } = { positions: report.positions.length, seed: report.seed };
  const key = await cacheKey([report.checkpoint, ...image], { errorMap: { ...asked(config), positions, seed } });
  const file = resultImage(cacheFolder(config.data.cache.folder), key);
  const there = await stat(file).catch(() => undefined);
  if (!there) await writeErrorMap(file, report);
  return file;
}

interface Asked extends LocationQuestion, CallContext {
  readonly locator: Locator;
  /** The config whose preprocessing, grid and crops count. */
  readonly settings: VocoConfig;
}

async function ask({ file, config, checkpoint }: OpenedCheckpoint, asked: Asked): Promise<LocatedCheckpoint> {
  const reason = checkpoint.cannot.locate;
  if (reason !== undefined || config?.kind !== 'pretrain' || !isVoco(config))
    return { missing: reason ?? file, trainedOtherwise: [] };
  const { locator, settings, image, positions, seed, signal, onProgress } = asked;
  const trainedOtherwise = differences(settings, config);
  try {
    const request = { checkpoint: file, config: settings, files: image, positions, seed };
    const report = await locator.locate(request, { signal, onProgress });
    const map = await mapFile(report, settings, image);
    return { report, ...(map !== undefined && { map }), trainedOtherwise };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { missing: error.message, trainedOtherwise };
  }
}

/**
 * Asks pre-training checkpoints where the same random crops of an image are, one after the other. The first of them gives
 * preprocessing, grid and crops, so that the answers can stand side by side; where another was trained otherwise, it is told.
 *
 * @throws UserError when none answers; AbortError when cancelled
 */
export async function compareLocations(
  locator: Locator,
  opened: readonly OpenedCheckpoint[],
  question: LocationQuestion,
  { signal, onProgress }: CallContext,
): Promise<ComparedLocations> {
  const able = opened.filter(({ checkpoint }) => checkpoint.cannot.locate === undefined);
  const settings = able[0]?.config;
  if (settings?.kind !== 'pretrain' || !isVoco(settings))
    throw new UserError(opened.map(({ checkpoint }) => checkpoint.cannot.locate).join('; '));
  const answers: LocatedCheckpoint[] = [];
  for (const one of opened) {
    signal.throwIfAborted();
    const before = Math.max(0, able.indexOf(one));
    const tell = (done: number, total: number): void => onProgress(before * total + done, able.length * total);
    answers.push(await ask(one, { ...question, locator, settings, signal, onProgress: tell }));
  }
  if (answers.every(({ report }) => !report)) throw new UserError(answers.map(({ missing }) => missing).join('; '));
  return { settingsOf: opened.indexOf(able[0]!), answers };
}
