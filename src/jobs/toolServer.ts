import { UserError } from '../errors/userError';
import { OnDemand, type Calls } from '../rpc';
import { processTransport } from '../rpc/lines';
import { startPiped, type Program } from './process';

const ENDED = 'The program that runs the network ended unexpectedly.';
const CLOSED = 'The program that runs the network was closed.';

/**
 * A `voco` command that stays and answers calls by lines of JSON. It is started at the first call, and anew after it has died.
 * Calls reject with a UserError when the program cannot be started, dies, or says so.
 */
export type ToolServer<C extends Calls<C>> = OnDemand<C>;

export function toolServer<C extends Calls<C>>(
  program: () => Promise<Program>,
  args: () => readonly string[],
): ToolServer<C> {
  const start = async () => processTransport(await startPiped(await program(), args()), ENDED);
  return new OnDemand(start, new UserError(CLOSED));
}
