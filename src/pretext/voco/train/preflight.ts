import type { PretrainConfig } from '../../../config';
import { checkDataset, type Finding } from '../../../check/dataset';
import { UserError } from '../../../errors/userError';
import type { Cases } from './build';

const MAX_SHOWN = 10;

function describeFinding({ file, message, advice }: Finding): string {
  return `${file}: ${message}; ${advice}`;
}

/**
 * Looks at the headers of all volumes before anything is computed.
 *
 * @returns warnings, one line each
 * @throws UserError listing what would make the run fail
 */
export async function checkCases(config: PretrainConfig, cases: Cases, signal?: AbortSignal): Promise<string[]> {
  const { grid, crop } = config.method;
  const findings = await checkDataset({
    cases: cases.train,
    validation: cases.validation,
    channel: config.data.channel,
    preprocess: config.data.preprocess,
    gridSize: [grid[0] * crop[0], grid[1] * crop[1], grid[2] * crop[2]],
    signal,
  });
  const errors = findings.filter((finding) => finding.severity === 'error').map(describeFinding);
  if (errors.length > 0) {
    const more = errors.length > MAX_SHOWN ? [`… and ${errors.length - MAX_SHOWN} more: see voco check`] : [];
    throw new UserError([...errors.slice(0, MAX_SHOWN), ...more].join('\n'));
  }
  return findings.filter((finding) => finding.severity === 'warning').map(describeFinding);
}
