import type { Config } from '../config';
import { checkDataset, type Finding } from '../check/dataset';
import { UserError } from '../errors/userError';
import type { CaseChecks, Cases } from '../tasks';

const MAX_SHOWN = 10;

function describeFinding({ file, message, advice }: Finding): string {
  return `${file}: ${message}; ${advice}`;
}

/**
 * Looks at the headers of all volumes (and label maps) before anything is computed.
 *
 * @returns warnings, one line each
 * @throws UserError listing what would make the run fail
 */
export async function checkCases({ data }: Config, cases: Cases, checks: CaseChecks): Promise<string[]> {
  const findings = await checkDataset({
    cases: cases.train,
    validation: cases.validation,
    channel: data.channel,
    preprocess: data.preprocess,
    ...checks,
  });
  const errors = findings.filter(({ severity }) => severity === 'error').map(describeFinding);
  if (errors.length > 0) {
    const more = errors.length > MAX_SHOWN ? [`… and ${errors.length - MAX_SHOWN} more: see voco check`] : [];
    throw new UserError([...errors.slice(0, MAX_SHOWN), ...more].join('\n'));
  }
  return findings.filter(({ severity }) => severity === 'warning').map(describeFinding);
}
