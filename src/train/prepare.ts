import { resolve } from 'node:path';
import { loadConfig, type Config, type ConfigByKind, type ConfigKind } from '../config';
import { UsageError } from '../errors/userError';
import { removeStale } from '../files/temporary';
import { refuseOtherConfig, resumePoint } from './resume';
import {
  createRun,
  initializeNamedRun,
  isAlive,
  isLink,
  listRuns,
  readRunState,
  refuseForNewRun,
  refuseLiveRun,
  runFiles,
  type CheckpointInfo,
  type ClaimOptions,
  type RunKind,
} from '../runs';

export interface RunRequest {
  /** The config; may be left out when a run directory is resumed. */
  readonly configFile?: string;
  /** The run directory to use instead of a new one below `output`. */
  readonly runDir?: string;
  readonly resume: boolean;
  /** `path=value` overrides. */
  readonly set: readonly string[];
  /** Resumes a run although its process, on another machine, gives signs of life: that one then stops. */
  readonly takeOver?: boolean;
  /** Begins a resumed run at step 0 where no checkpoint can be read. */
  readonly fromStart?: boolean;
}

export interface PreparedRun<K extends ConfigKind = ConfigKind> {
  readonly config: ConfigByKind[K];
  /** What kind of run it is: that of the config, or another one made from such a config. */
  readonly runKind: RunKind;
  readonly warnings: readonly string[];
  readonly configFile: string | undefined;
  /** The directory of the run to resume, or of the new run; undefined: a new one below `output`. */
  readonly runDir: string | undefined;
  /** The checkpoint to resume from. */
  readonly checkpoint: CheckpointInfo | undefined;
  readonly resumed: boolean;
  /** A resumed run begins anew: what it has done is put aside. */
  readonly fromStart: boolean;
  readonly takeOver: boolean;
}

/** The newest run of this config's name that has not finished. */
async function unfinishedRun(config: Config, kind: RunKind): Promise<string> {
  for (const run of await listRuns(config.output)) {
    const { state } = run;
    const own = state.kind === kind && state.name === config.name;
    // A queued run is another process's to start.
    const open = state.state !== 'finished' && state.state !== 'queued';
    if (own && open && !(await isAlive(run.dir, state))) return run.dir;
  }
  throw new UsageError(
    `${config.output}: no unfinished ${kind} of "${config.name}" to resume; name one with --run DIR`,
  );
}

/** Refuses a directory that another trainer works in, or that holds another kind of run. */
async function refuseOtherRun(runDir: string, kind: RunKind, options: ClaimOptions): Promise<void> {
  const state = await readRunState(runDir);
  if (state.kind !== kind) {
    throw new UsageError(
      `${runDir}: this run is a ${state.kind}; continue it with voco ${state.kind} --run DIR --resume`,
    );
  }
  await refuseLiveRun(runDir, options);
}

/** Overrides of where a run lies and what it is called: they find it, and cannot be changed. */
const FIXED = /^\s*(output|name)\s*=/;

function refuseFixed(set: readonly string[]): void {
  const fixed = set.find((item) => FIXED.test(item));
  if (fixed !== undefined)
    throw new UsageError(`--set ${fixed}: a run keeps its name and its place when it is resumed; leave it out`);
}

async function prepareResume<K extends ConfigKind>(
  kind: K,
  request: RunRequest,
  warn: (text: string) => void,
  runKind: RunKind,
): Promise<PreparedRun<K>> {
  let runDir = request.runDir && resolve(request.runDir);
  const { configFile, set } = request;
  if (runDir) refuseFixed(set);
  if (!runDir) {
    if (!configFile) throw new UsageError(`voco ${runKind} --resume: name a config, or a run with --run DIR`);
    const place = set.filter((item) => FIXED.test(item));
    runDir = await unfinishedRun((await loadConfig(configFile, { kind, set: place })).config, runKind);
  }
  const takeOver = request.takeOver === true;
  await refuseOtherRun(runDir, runKind, { takeOver, say: warn });
  // The run's own config counts, so that an edited file cannot change a run half-way; --set may.
  if (configFile) await refuseOtherConfig(runDir, configFile, kind, warn);
  const own = { set: set.filter((item) => !FIXED.test(item)), kind };
  const { config, warnings } = await loadConfig(runFiles(runDir).config, own);
  const fromStart = request.fromStart === true;
  const checkpoint = await resumePoint(runDir, fromStart, warn);
  return { config, runKind, warnings, configFile, runDir, checkpoint, resumed: true, fromStart, takeOver };
}

/**
 * Reads the config and chooses the run directory; nothing is written yet.
 *
 * @param runKind kind of the run, where it is not that of the config
 */
export async function prepareRun<K extends ConfigKind>(
  kind: K,
  request: RunRequest,
  warn: (text: string) => void,
  runKind: RunKind = kind,
): Promise<PreparedRun<K>> {
  if (request.resume) return prepareResume(kind, request, warn, runKind);
  if (!request.configFile) throw new UsageError(`voco ${runKind}: the config is missing`);
  const { config, warnings } = await loadConfig(request.configFile, { set: request.set, kind });
  const runDir = request.runDir && resolve(request.runDir);
  if (runDir) await refuseForNewRun(runDir);
  const configFile = resolve(request.configFile);
  const fresh = { checkpoint: undefined, resumed: false, fromStart: false, takeOver: false };
  return { config, runKind, warnings, configFile, runDir, ...fresh };
}

/** Removes the files that a killed trainer was writing. The run is claimed. */
export async function removeLeftovers(runDir: string): Promise<void> {
  for (const folder of [runDir, runFiles(runDir).checkpoints]) {
    // A linked folder may be that of another run.
    if (await isLink(folder)) continue;
    await removeStale(folder, { owned: true });
  }
}

/** Makes the run directory of a prepared run, unless it is one to go on with; returns its path. */
export async function openRunDirectory(prepared: PreparedRun, config: Config, totalSteps: number): Promise<string> {
  const { runDir, configFile } = prepared;
  if (runDir && prepared.resumed) return runDir;
  const run = {
    root: config.output,
    name: config.name,
    kind: prepared.runKind,
    config,
    totalSteps,
    configFile,
  };
  if (!runDir) return createRun(run);
  await initializeNamedRun(runDir, run);
  return runDir;
}
