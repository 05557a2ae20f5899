/** Exit codes of the `voco` command (see docs/architecture.md). */
export const ExitCode = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/**
 * An error that a user can act on: its message is one line that names the file (or the path inside a config) and says
 * what to do. Shown without a stack trace; everything that is not a UserError is a defect of ours.
 */
export class UserError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = ExitCode.failed,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'UserError';
  }
}

/** What is wrong with a file and what to do about it: nobody has to advise anything else. */
export class AdvisedError extends UserError {
  constructor(
    readonly file: string,
    readonly what: string,
    readonly advice: string,
  ) {
    super(`${file}: ${what}; ${advice}`);
    this.name = 'AdvisedError';
  }
}

/** A wrong command line or config: exit code 2. */
export class UsageError extends UserError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, ExitCode.usage, options);
    this.name = 'UsageError';
  }
}

/** A file that could not be written: the disk is at fault, and not what was to be written. */
export class WriteError extends UserError {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, ExitCode.failed, options);
    this.name = 'WriteError';
  }
}

/** A case that cannot be used: damaged, or not what the config asks for. With `data.onBadCase` "skip" a run goes on without it. */
export class BadCaseError extends UserError {
  /** @param image the case's first image file, by which a run knows it */
  constructor(
    message: string,
    readonly image: string,
    options?: { cause?: unknown },
  ) {
    super(message, ExitCode.failed, options);
    this.name = 'BadCaseError';
  }
}

/** Makes an error that tells what is wrong with the files of a case one that a run may go on after. @param image its first image file */
export function refuseAs(image: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof UserError) || error instanceof BadCaseError) throw error;
    throw new BadCaseError(error.message, image, { cause: error });
  };
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EISDIR: 'is a directory, not a file',
  ENOTDIR: 'part of the path is not a directory',
  ENOSPC: 'no space left on the disk',
  EFBIG: 'the file is larger than the disk or a limit of this session allows',
  EDQUOT: 'disk quota exceeded',
  EROFS: 'read-only file system',
  EMFILE: 'too many open files',
  ELOOP: 'a link where a file must be',
};

/** Turns a Node file-system error into a one-line UserError that names the file; other errors come back unchanged. */
export function fileError(error: unknown, file: string, doing: string): Error {
  if (error instanceof UserError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (typeof code !== 'string') return error instanceof Error ? error : new Error(String(error));
  return new UserError(`${file}: cannot ${doing}: ${REASONS[code] ?? code}`, ExitCode.failed, { cause: error });
}
