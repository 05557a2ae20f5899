import { rename } from 'node:fs/promises';
import { loadConfig, type Config, type ConfigKind } from '../config';
import { configDifferences } from '../config/flatten';
import { UsageError, UserError } from '../errors/userError';
import { writeFileAtomically } from '../files/atomic';
import { exists } from '../files/kinds';
import { sameFile } from '../files/outputs';
import {
  appendLog,
  lastMetricsStep,
  listCheckpoints,
  readRunConfig,
  readRunState,
  runFiles,
  type CheckpointInfo,
  type ConfigChange,
} from '../runs';
import { metricsBefore, unreadableFile } from '../runs/files';
import { counted } from '../text';
import type { Say } from './types';

const MAX_SHOWN = 5;

/** What may be another on each machine, or is chosen when a run begins. */
const CHOSEN = new Set(['device', 'threads', 'output', 'train.microBatch']);

function shown(found: ReturnType<typeof configDifferences>, most = MAX_SHOWN): string {
  const lines = [...found].slice(0, most).map(([path, [a, b]]) => `${path}: ${a} → ${b}`);
  const more = found.size > most ? [`and ${found.size - most} more`] : [];
  return [...lines, ...more].join(', ');
}

/**
 * Refuses a config that is not the one of the run that is resumed. Its own file may have been edited since: the run's config counts,
 * which is said.
 *
 * @throws UsageError
 */
export async function refuseOtherConfig(runDir: string, configFile: string, kind: ConfigKind, say: Say): Promise<void> {
  const given = (await loadConfig(configFile, { kind })).config;
  const own = (await loadConfig(runFiles(runDir).config, { kind })).config;
  const found = configDifferences(own, given);
  for (const path of found.keys()) if (CHOSEN.has(path)) found.delete(path);
  if (found.size === 0) return;
  const { configFile: from } = await readRunState(runDir);
  if (from === undefined || !(await sameFile(from, configFile)))
    throw new UsageError(
      `${configFile}: is not the config of ${runDir}${from ? `, which was started from ${from}` : ''} (${shown(found)}); ` +
        'leave the config out: a run goes on with its own, and --set changes it',
    );
  say(`${configFile}: differs from the run's own config, which counts (${shown(found)}); --set changes it`);
}

/**
 * The checkpoint to go on from: the newest that can be read. One that cannot be read is told; where that leaves none, the run is not
 * begun anew unasked.
 *
 * @param fromStart begin at step 0 where no checkpoint can be read
 * @throws UserError
 */
export async function resumePoint(runDir: string, fromStart: boolean, say: Say): Promise<CheckpointInfo | undefined> {
  const { checkpoints, unreadable } = await listCheckpoints(runDir);
  const newest = checkpoints.at(-1);
  for (const { reason } of unreadable) say(`a checkpoint cannot be read: ${reason}`);
  if (newest && fromStart)
    throw new UsageError(
      `${runDir}: has a checkpoint of step ${newest.step}; --resume goes on from it, without --from-start`,
    );
  if (newest && unreadable.length > 0) say(`going on from the newest that can be read: ${newest.file}`);
  if (newest || unreadable.length === 0 || fromStart) return newest;
  throw new UserError(
    `${runDir}: ${unreadable.length === 1 ? 'its only checkpoint' : `none of its ${unreadable.length} checkpoints`} can be read ` +
      `(${unreadable.at(-1)!.reason}); put a copy that can be read in its place, or begin the run anew with --resume --from-start`,
  );
}

/**
 * Refuses to begin a run anew whose checkpoints are gone: their folder was emptied or moved. A run that was killed before its first
 * checkpoint begins anew.
 *
 * @throws UserError
 */
export async function refuseLostCheckpoints(runDir: string, checkpointEvery: number, say: Say): Promise<void> {
  const [done, { state }] = [await lastMetricsStep(runDir), await readRunState(runDir)];
  if (state === 'finished' || done > checkpointEvery)
    throw new UserError(
      `${runDir}: the run has done ${counted(done, 'step')}, but its checkpoints are gone; put one back into ${runFiles(runDir).checkpoints}, ` +
        'or begin the run anew with --resume --from-start',
    );
  if (done > 0) say(`the run was stopped before its first checkpoint: its ${counted(done, 'step')} are done again`);
}

/** Puts aside what a run has done before it begins anew: metrics, and checkpoints that cannot be read. */
export async function putAside(runDir: string): Promise<void> {
  const { unreadable } = await listCheckpoints(runDir);
  for (const { file } of unreadable) await rename(file, unreadableFile(file));
  const { metrics } = runFiles(runDir);
  if (!(await exists(metrics))) return;
  let number = 1;
  while (await exists(metricsBefore(runDir, number))) number += 1;
  await rename(metrics, metricsBefore(runDir, number));
  await appendLog(runDir, `begins anew; its metrics so far are in ${metricsBefore(runDir, number)}`);
}

/**
 * Makes what `--set` (or another machine) changed at a resume part of the run: its config is written anew, and the log tells.
 *
 * @returns what is to be recorded in run.json; undefined without a change
 */
export async function keepChanges(runDir: string, config: Config, step: number): Promise<ConfigChange | undefined> {
  const found = configDifferences(await readRunConfig(runDir), config);
  if (found.size === 0) return undefined;
  await writeFileAtomically(runFiles(runDir).config, `${JSON.stringify(config, null, 2)}\n`);
  await appendLog(runDir, `config changed at step ${step}: ${shown(found, Infinity)}`);
  return { step, time: new Date().toISOString(), settings: Object.fromEntries(found) };
}
