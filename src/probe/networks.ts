import { resolve } from 'node:path';
import { loadConfig, type Config } from '../config';
import { configOfCheckpoint } from '../config/ofCheckpoint';
import { openEncoder } from '../compare/encoders';
import { UsageError, UserError } from '../errors/userError';
import { isFolder } from '../files/kinds';
import { createEncoder, type Encoder } from '../nets';
import { streamId } from '../random/random';
import { bestCheckpoint, latestCheckpoint, runFiles } from '../runs';
import { openWeights, type Branch } from '../runs/import';
import type { Say } from '../train/types';

/** Weights whose encoder is probed. */
export interface ProbedNetwork {
  readonly file: string;
  /** Optimizer steps done; null for files that do not tell. */
  readonly step: number | null;
  readonly config: Config;
}

/** What a person says of the weights. */
export interface Choice {
  /** Of a run: `best`, `last`, or a file. */
  readonly checkpoint?: string | undefined;
  /** The config of weights that carry none, or other data and preprocessing than theirs. */
  readonly configFile?: string | undefined;
}

async function checkpointOf(run: string, wanted: string, say: Say): Promise<string> {
  if (wanted === 'best') return (await bestCheckpoint(run, say)).file;
  if (wanted !== 'last') return resolve(wanted);
  const newest = await latestCheckpoint(run, say);
  if (newest) return newest.file;
  throw new UserError(
    `${run}: has no checkpoint that can be probed; name a run of voco pretrain, or a checkpoint file`,
  );
}

async function configFor(
  file: string,
  metadata: Readonly<Record<string, string>>,
  run: string | undefined,
  configFile: string | undefined,
): Promise<Config> {
  if (configFile !== undefined) return (await loadConfig(configFile)).config;
  if (metadata.config !== undefined)
    return configOfCheckpoint(file, metadata, metadata.kind === 'finetune' ? 'finetune' : 'pretrain');
  if (run !== undefined) return (await loadConfig(runFiles(run).config)).config;
  throw new UserError(`${file}: contains no config, so its network is unknown; add --config CONFIG`);
}

/**
 * The weights of a run or a file, and the config that says what their network is. Weights are not read yet.
 *
 * @throws UserError naming the run or file that has no weights, or whose network is unknown
 */
export async function findNetwork(path: string, { checkpoint, configFile }: Choice, say: Say): Promise<ProbedNetwork> {
  const run = (await isFolder(path)) ? resolve(path) : undefined;
  if (run === undefined && checkpoint !== undefined)
    throw new UsageError(`${path}: is no run, so --checkpoint ${checkpoint} chooses nothing; leave it out`);
  const file = run === undefined ? resolve(path) : await checkpointOf(run, checkpoint ?? 'last', say);
  const source = await openWeights(file);
  const { metadata } = source;
  await source.close();
  const step = Number(metadata.step ?? NaN);
  const config = await configFor(file, metadata, run, configFile);
  return { file, step: Number.isSafeInteger(step) ? step : null, config };
}

/** The encoder of the weights on the device in use. @throws UserError naming the file when it lacks a weight */
export const openProbed = ({ file, config }: ProbedNetwork, branch: Branch | undefined): Promise<Encoder> =>
  openEncoder(file, config, branch);

const BASELINE = streamId('probe baseline');

/** The same encoder with random weights: those that no training starts from, whatever its seed. */
export function randomEncoder({ network }: Config, seed: number): Encoder {
  return createEncoder(network, { seed: (seed ^ BASELINE) >>> 0, namespace: 'probe.' });
}
