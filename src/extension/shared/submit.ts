import { UserError } from '../../errors/userError';
import type { NewJob } from '../../jobs/launcher';
import type { Services } from '../services';
import { showInfo } from './notify';

/** Tells the user that a run waits for its device. @throws UserError when the run cannot be read */
export function announceQueued({ registry }: Services, dir: string): void {
  const run = registry.get(dir);
  if (!run) throw new UserError(`${dir}: the run was made but cannot be read`);
  if (run.phase !== 'queued') return;
  void showInfo(`${run.label} waits in the queue: its device is taken (see the setting voco.runsPerDevice).`);
}

/** Makes a run of a job, which starts at once or waits in the queue. @returns the run directory */
export async function submitJob(services: Services, job: NewJob): Promise<string> {
  await services.program();
  const dir = await services.launcher.submit(job);
  await services.finder.remember(dir);
  announceQueued(services, dir);
  return dir;
}
