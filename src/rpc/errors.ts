import { BadCaseError, ExitCode, UsageError, UserError } from '../errors/userError';
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
    const image = error instanceof BadCaseError ? error.image : undefined;
    return {
      message,
      user: true,
      ...(exitCode !== ExitCode.failed && { exitCode }),
      ...(image !== undefined && { image }),
    };
  }
  if (!(error instanceof Error)) return { message: String(error), user: false };
  return { message: error.message, user: false, ...(error.stack !== undefined && { stack: error.stack }) };
}

export function receiveError({ message, user, exitCode, stack, image }: SentError): Error {
  if (!user) return new RemoteError(message, stack);
  if (image !== undefined) return new BadCaseError(message, image);
  return exitCode === ExitCode.usage ? new UsageError(message) : new UserError(message, exitCode);
}
