import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { FinetuneConfig } from '../config';
import { fileError, UsageError } from '../errors/userError';
import { exists } from '../files/kinds';
import { openRegular } from '../files/regular';
import type { ResultsSettings } from '../protocol/scores';
import { readResults, runFiles, settingDifferences } from '../runs';
import type { DeviceInfo } from '../tensor/backends';
import { version } from '../text/version';

async function contentOf(file: string): Promise<ResultsSettings['weights']> {
  const hash = createHash('sha256');
  const handle = await openRegular(file, 'read the weights');
  try {
    const { size: bytes } = await handle.stat();
    const stream = handle.createReadStream({ highWaterMark: 1 << 22, autoClose: false });
    for await (const part of stream) hash.update(part as Buffer);
    return { sha256: hash.digest('hex'), bytes };
  } catch (error) {
    throw fileError(error, file, 'read the weights');
  } finally {
    await handle.close();
  }
}

/** What shapes the scores of an evaluation. @param heldOut names of the cases */
export async function settingsOf(
  config: FinetuneConfig,
  checkpoint: string,
  heldOut: readonly string[],
  device: DeviceInfo,
): Promise<ResultsSettings> {
  const { inference, crops, data } = config;
  return {
    weights: await contentOf(checkpoint),
    window: crops.size,
    inference: { ...inference },
    preprocess: { ...data.preprocess },
    channel: data.channel,
    labelsOnImageGrid: data.labelsOnImageGrid,
    heldOut,
    device: device.name,
    precision: device.precision,
    version,
    created: new Date().toISOString(),
  };
}

/**
 * Refuses to replace scores of other settings in a run, unless it is forced: those of the same settings are only made again.
 *
 * @returns whether scores of other settings are there, which are to be replaced
 * @throws UsageError telling what differs
 */
export async function refuseOtherScores(runDir: string, settings: ResultsSettings, force: boolean): Promise<boolean> {
  const { results } = runFiles(runDir);
  if (!(await exists(results))) return false;
  const before = await readResults(runDir).catch(() => undefined);
  const found = before?.settings && settingDifferences(before.settings, settings);
  if (found?.length === 0) return false;
  if (force) return true;
  const what = found ? found.join(', ') : 'it does not tell which';
  throw new UsageError(
    `${results}: holds scores of other settings (${what}); to keep both, evaluate into a run of its own with ` +
      'voco evaluate CONFIG --checkpoint FILE; to replace them, add --force',
  );
}

/** Removes scores that the predictions will not belong to any more. */
export async function removeScores(runDir: string): Promise<void> {
  const { results, resultsTable, predictions } = runFiles(runDir);
  for (const path of [results, resultsTable, predictions]) await rm(path, { recursive: true, force: true });
}
