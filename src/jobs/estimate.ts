import { dirname } from 'node:path';
import { UserError } from '../errors/userError';
import type { RunEstimate } from '../protocol/estimate';
import { runTool, type Program, type ToolOptions } from './process';

export interface EstimateJob {
  readonly kind: string;
  readonly configFile: string;
  /** `path=value` overrides. */
  readonly set: readonly string[];
}

/**
 * Asks the trainer what a run would take (`--dry-run`): a process of its own that ends when it is cancelled.
 *
 * @throws UserError with what is wrong with config or data; AbortError when cancelled.
 */
export async function estimateJob(
  program: Program,
  { kind, configFile, set }: EstimateJob,
  options: Pick<ToolOptions, 'signal' | 'onMessage'>,
): Promise<RunEstimate> {
  const args = [kind, configFile, '--dry-run', '--json', ...set.flatMap((one) => ['--set', one])];
  const result = await runTool(program, args, { cwd: dirname(configFile), ...options });
  if (result.code === 0) return JSON.parse(result.output) as RunEstimate;
  throw new UserError(result.messages.trim() || `the estimate ended with ${result.code ?? result.signal}`);
}
