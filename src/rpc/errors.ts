import { ExitCode, UsageError, UserError } from '../errors/userError';
import type { SentError } from './messages';

/** An error of the other side that is a defect, with the stack it had there. */
export class RemoteError extends Error {
  constructor(message: string, stack?: string) {
    super(message);
    this.name = 'RemoteError';
    if (stack !== undefined) this.stack = stack;
  }
}

export function sendError(error: unknown): SentError {
  if (error instanceof UserError) {
    const { message, exitCode } = error;
    return { message, user: true, ...(exitCode !== ExitCode.failed && { exitCode }) };
  }
  if (!(error instanceof Error)) return { message: String(error), user: false };
  return { message: error.message, user: false, ...(error.stack !== undefined && { stack: error.stack }) };
}

export function receiveError({ message, user, exitCode, stack }: SentError): Error {
  if (!user) return new RemoteError(message, stack);
  return exitCode === ExitCode.usage ? new UsageError(message) : new UserError(message, exitCode);
}
