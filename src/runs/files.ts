import { basename, dirname, join } from 'node:path';

/** Where everything lies in a run directory. Its names are known in this room alone. */
export function runFiles(runDir: string) {
  return {
    /** The resolved config. */
    config: join(runDir, 'config.json'),
    /** What the run is and how it stands. */
    state: join(runDir, 'run.json'),
    /** One line a step. */
    metrics: join(runDir, 'metrics.jsonl'),
    /** The metrics thinned for the plot, of long runs: made again from them where it is missing. */
    curves: join(runDir, 'curves.json'),
    log: join(runDir, 'log.txt'),
    plot: join(runDir, 'plot.svg'),
    checkpoints: join(runDir, 'checkpoints'),
    /** Which weights a run started from, and what of them was loaded. */
    init: join(runDir, 'init.json'),
    /** Which cases a fine-tuning learns from and is measured on. */
    cases: join(runDir, 'cases.json'),
    /** Cases that the run leaves out, and why. */
    skipped: join(runDir, 'skipped.json'),
    /** Scores of an evaluation, for programs and for tables. */
    results: join(runDir, 'results.json'),
    resultsTable: join(runDir, 'results.csv'),
    predictions: join(runDir, 'predictions'),
    study: join(runDir, 'study.json'),
    studyTable: join(runDir, 'study.csv'),
    /** What people wrote about the run. */
    notes: join(runDir, 'notes.json'),
    /** How the run is to be started, and which process was started last. */
    launch: join(runDir, 'launch.json'),
    /** Everything that a trainer prints, for when it fails before it can write its log. */
    output: join(runDir, 'output.txt'),
    claimLock: join(runDir, 'claim.lock'),
    /** Which process may write into the directory. */
    owner: join(runDir, 'owner.json'),
    launchLock: join(runDir, 'launch.lock'),
    controlSocket: join(runDir, 'control.sock'),
  } as const;
}

export const ALIVE_FILE = /^alive-[\w-]+$/;

/** In which the owner of a run counts on while it lives. */
export function aliveFile(runDir: string, token: string): string {
  return join(runDir, `alive-${token}`);
}

const CHECKPOINT_NAME = /^step-(\d{8,12})\.safetensors$/;

/** Path of the checkpoint of a step: `checkpoints/step-00001000.safetensors`. */
export function checkpointFile(runDir: string, step: number): string {
  return join(runFiles(runDir).checkpoints, `step-${String(step).padStart(8, '0')}.safetensors`);
}

/** The step of a checkpoint by its name; undefined for another file. */
export function stepOfCheckpoint(file: string): number | undefined {
  const digits = CHECKPOINT_NAME.exec(basename(file))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The run directory in whose folder of checkpoints a file lies; undefined for a file elsewhere. */
export function runOfCheckpoint(file: string): string | undefined {
  const runDir = dirname(dirname(file));
  return dirname(file) === runFiles(runDir).checkpoints ? runDir : undefined;
}

/** Metrics of a run from before it was begun anew. */
export function metricsBefore(runDir: string, number: number): string {
  return join(runDir, `metrics-before-${number}.jsonl`);
}

/** A checkpoint that cannot be read, out of the way of those that can. */
export function unreadableFile(checkpoint: string): string {
  return `${checkpoint}.unreadable`;
}

/** What is written of a step whose loss or gradient is not finite. */
export function nonFiniteFile(runDir: string, step: number): string {
  return join(runDir, `nonfinite-step-${step}.json`);
}

const EVENTS_NAME = /^events\.out\.tfevents\.(\d{10,12})\./;

/** The second in the name of a file of TensorBoard events; undefined for another file. */
export function secondOfEvents(name: string): number | undefined {
  const digits = EVENTS_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** TensorBoard's name for the events of a process. */
export function eventsFile(runDir: string, startSeconds: number, host: string, pid: number): string {
  return join(runDir, `events.out.tfevents.${String(Math.floor(startSeconds)).padStart(10, '0')}.${host}.${pid}`);
}
