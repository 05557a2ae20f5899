import { UserError } from '../errors/userError';
import { isFolder } from '../files/kinds';
import { bestCheckpoint } from './checkpoint';

/**
 * Refuses a folder in the place of a checkpoint, and names the best checkpoint of a run.
 *
 * @throws UserError naming the folder
 */
export async function refuseFolder(file: string): Promise<void> {
  if (!(await isFolder(file))) return;
  const best = await bestCheckpoint(file).catch(() => undefined);
  const advice = best ? `the best checkpoint of this run is ${best.file}` : 'name a checkpoint, such as RUN/checkpoints/step-00001000.safetensors'; // prettier-ignore
  throw new UserError(`${file}: is a folder, not a checkpoint; ${advice}`);
}
