import { resolve } from 'node:path';
import { Interrupted } from '../rpc/interruption';
import { RunStateFile } from '../runs';
import type { RunRequest } from './prepare';
import type { Steering } from './steering';

const SHOWN_EVERY_MS = 2000;

/** The queued run that a request is to start; undefined where there is none yet, or it is one to go on with. */
async function queued({ runDir, resume }: RunRequest): Promise<RunStateFile | undefined> {
  if (runDir === undefined || resume) return undefined;
  const file = await RunStateFile.open(resolve(runDir)).catch(() => undefined);
  return file?.state.state === 'queued' ? file : undefined;
}

/**
 * Shows in the directory of a queued run what its trainer is at before it claims the run: reading all cases of a large set takes
 * many minutes.
 *
 * @returns what ends it, before the run is claimed
 */
export function showPlanning(request: RunRequest, steering: Steering): () => Promise<void> {
  let writing: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const { shown, lastsMs = 0 } = steering.activity ?? {};
    if (!shown || lastsMs < SHOWN_EVERY_MS) return;
    await (await queued(request))?.update({ activity: shown });
  };
  // What cannot be shown is no reason to end.
  const timer = setInterval(() => (writing = writing.then(look).catch(() => undefined)), SHOWN_EVERY_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await writing;
  };
}

/** A run that is ended before it has begun: nothing is lost, and its directory, where there is one, says why. */
export async function endBefore(request: RunRequest, reason = 'stopped'): Promise<never> {
  const file = await queued(request);
  const ended = { ended: new Date().toISOString(), activity: undefined };
  await file?.update({ ...ended, state: 'interrupted', exitReason: reason }).catch(() => undefined);
  throw new Interrupted(`${reason} before the run began; nothing was changed`);
}
