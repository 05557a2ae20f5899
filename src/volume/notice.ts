import { withAdvice } from '../errors/advice';
import { UserError } from '../errors/userError';

/** What is wrong or odd about a file. The file is named beside it. */
export interface Notice {
  /** error: the file cannot be used so; warning: it is used, but probably not as meant; info: good to know. */
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  /** What to do. */
  readonly advice: string;
}

/** A notice as one line of text that names the file. */
export function noticeText(file: string, { message, advice }: Notice): string {
  return `${file}: ${withAdvice(message, advice)}`;
}

/**
 * Tells the warnings among the notices of a file.
 *
 * @throws UserError naming `file` for the first error among them
 */
export function applyNotices(file: string, notices: readonly Notice[], onWarning: (text: string) => void): void {
  const fatal = notices.find(({ severity }) => severity === 'error');
  if (fatal) throw new UserError(noticeText(file, fatal));
  for (const notice of notices) if (notice.severity === 'warning') onWarning(noticeText(file, notice));
}
