import { parseJson } from '../files/json';
import { bestScores } from '../downstream/descriptors';
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, UserError } from '../errors/userError';
import { removeStale } from '../files/temporary';
import { decodeNumber, encodeNumber } from './numbers';
import {
  readSafetensorsHeader,
  SafetensorsFile,
  writeSafetensors,
  type TensorData,
  type TensorEntry,
} from './safetensors';
import { checkpointFile, runFiles, stepOfCheckpoint } from './files';

/** Everything a run needs to go on exactly where it was. */
export interface CheckpointState<Data = TensorEntry['data']> {
  /** Optimizer steps done. */
  readonly step: number;
  readonly tensors: readonly TensorEntry<Data>[];
  /** Texts by name: config, versions, sampler state, … as the trainer likes. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Scores at this step, by name, for choosing the best. */
  readonly metrics?: Readonly<Record<string, number>>;
}

/** What is known of a checkpoint from its header. */
export interface CheckpointInfo {
  readonly file: string;
  readonly step: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Retention {
  /** How many of the newest to keep, at least 1. */
  readonly keepLast: number;
  /** Which metric says what the best is; it is kept as well. */
  readonly best?: { readonly metric: string; readonly goal: 'min' | 'max' };
}

const FORMAT = 'voco-checkpoint';
function encodeMetrics(metrics: Readonly<Record<string, number>>): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, encodeNumber(value)])),
  );
}

/** Scores from their text in the metadata of a checkpoint; none where there is no such text. */
export function decodeMetrics(text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  try {
    const entries = Object.entries(parseJson(text, { depth: 2 }) as Record<string, unknown>);
    return Object.fromEntries(entries.map(([name, value]) => [name, Number(decodeNumber(value))]));
  } catch {
    return {};
  }
}

/**
 * Writes a checkpoint atomically, then deletes what the retention does not keep. Nothing is deleted before the new one is
 * safely on disk, and a leftover of an interrupted write is removed. Nothing is deleted in a linked folder, and no link.
 *
 * @returns the file written.
 * @throws UserError when the disk is full; all older checkpoints are then still there and nothing half-written is.
 */
export async function saveCheckpoint(runDir: string, state: CheckpointState, retention?: Retention): Promise<string> {
  const file = checkpointFile(runDir, state.step);
  const metadata = {
    ...state.metadata,
    format: FORMAT,
    step: String(state.step),
    metrics: encodeMetrics(state.metrics ?? {}),
  };
  await writeSafetensors(file, state.tensors, metadata);
  if (retention) await prune(runDir, file, retention);
  return file;
}

function bestOf(
  checkpoints: readonly CheckpointInfo[],
  best: NonNullable<Retention['best']>,
): CheckpointInfo | undefined {
  const sign = best.goal === 'min' ? 1 : -1;
  const score = (checkpoint: CheckpointInfo) => sign * (checkpoint.metrics[best.metric] ?? NaN);
  return checkpoints
    .filter((checkpoint) => !Number.isNaN(score(checkpoint)))
    .reduce<CheckpointInfo | undefined>(
      (least, checkpoint) => (!least || score(checkpoint) < score(least) ? checkpoint : least),
      undefined,
    );
}

/** Whether a path is a link, or cannot be looked at. */
export const isLink = (path: string): Promise<boolean> =>
  lstat(path).then(
    (info) => info.isSymbolicLink(),
    () => true,
  );

async function prune(runDir: string, justWritten: string, retention: Retention): Promise<void> {
  // What lies behind a link may be another run's, or kept by hand.
  if (await isLink(runFiles(runDir).checkpoints)) return;
  const { checkpoints } = await listCheckpoints(runDir);
  const keep = new Set(checkpoints.slice(-Math.max(1, retention.keepLast)).map(({ file }) => file));
  keep.add(justWritten);
  const best = retention.best && bestOf(checkpoints, retention.best);
  if (best) keep.add(best.file);
  await removeStale(runFiles(runDir).checkpoints, { owned: true });
  const files = checkpoints.map(({ file }) => file).filter((file) => !keep.has(file));
  // A file that cannot be deleted costs space, not the run.
  await Promise.all(files.map(async (file) => (await isLink(file)) || unlink(file).catch(() => undefined)));
}

async function readInfo(file: string): Promise<CheckpointInfo> {
  const { metadata } = await readSafetensorsHeader(file);
  const step = Number(metadata.step);
  if (metadata.format !== FORMAT || !Number.isSafeInteger(step) || step < 0) {
    throw new UserError(`${file}: not a checkpoint of a training run`);
  }
  return { file, step, metadata, metrics: decodeMetrics(metadata.metrics) };
}

/** The checkpoints of a run by step, from their headers alone; those that cannot be read come with the reason. */
export async function listCheckpoints(
  runDir: string,
): Promise<{ checkpoints: CheckpointInfo[]; unreadable: { file: string; reason: string }[] }> {
  const folder = runFiles(runDir).checkpoints;
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError(error, folder, 'list the checkpoints');
  });
  const checkpoints: CheckpointInfo[] = [];
  const unreadable: { file: string; reason: string }[] = [];
  for (const name of names.filter((candidate) => stepOfCheckpoint(candidate) !== undefined)) {
    const file = join(folder, name);
    try {
      checkpoints.push(await readInfo(file));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      unreadable.push({ file, reason: error.message });
    }
  }
  return { checkpoints: checkpoints.sort((a, b) => a.step - b.step), unreadable };
}

/** The newest checkpoint that can be read; each one that cannot is told to `warn`, one line. */
export async function latestCheckpoint(
  runDir: string,
  warn: (message: string) => void = () => undefined,
): Promise<CheckpointInfo | undefined> {
  const { checkpoints, unreadable } = await listCheckpoints(runDir);
  for (const { reason } of unreadable) warn(`skipped a checkpoint: ${reason}`);
  return checkpoints.at(-1);
}

/**
 * The checkpoint of a fine-tuning with the best validation score, else its newest.
 *
 * @param warn told of each that cannot be read, one line
 * @throws UserError when the run has none, or none that can be read
 */
export async function bestCheckpoint(
  runDir: string,
  warn: (message: string) => void = () => undefined,
): Promise<CheckpointInfo> {
  const { checkpoints, unreadable } = await listCheckpoints(runDir);
  for (const { reason } of unreadable) warn(`a checkpoint cannot be read: ${reason}`);
  const best = bestScores()
    .map((score) => bestOf(checkpoints, score))
    .find((found) => found);
  const chosen = best ?? checkpoints.at(-1);
  if (!chosen && unreadable.length > 0)
    throw new UserError(`${runDir}: none of its checkpoints can be read: ${unreadable.at(-1)!.reason}`);
  if (!chosen) throw new UserError(`${runDir}: this run has no checkpoint to evaluate yet`);
  return chosen;
}

/** Reads a whole checkpoint. @throws UserError when it is malformed, cut short, or not a checkpoint. */
export async function readCheckpoint(file: string): Promise<CheckpointState<TensorData>> {
  const { step, metadata, metrics } = await readInfo(file);
  const opened = await SafetensorsFile.open(file);
  try {
    const tensors: TensorEntry<TensorData>[] = [];
    for (const { name, dtype, shape } of opened.header.tensors.values()) {
      tensors.push({ name, dtype, shape, data: await opened.read(name) });
    }
    return { step, metadata, metrics, tensors };
  } finally {
    await opened.close();
  }
}
