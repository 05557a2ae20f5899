import type { PretrainConfig } from '../../config';
import { checkDataset, type Finding } from '../../data/check';
import { UserError } from '../../errors/userError';
import { measureSpeed } from '../../tensor/backends';
import { formatBytes, formatDuration } from '../progress';
import type { Cases } from './build';
import type { CostEstimate } from './memory';

const FLOAT = 4;
const MAX_SHOWN = 10;
/** What training reaches of the speed that a lone convolution has; measured on the demo and the reference workload. */
const EFFICIENCY = 0.35;

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

/** Bytes that the cache of preprocessed volumes takes when every volume has been seen once; undefined: not known before. */
function cacheBytes(config: PretrainConfig, cases: Cases): number | undefined {
  const { resize } = config.data.preprocess;
  if (!config.data.cache.enabled || !resize) return undefined;
  const volumes = cases.train.length + cases.validation.length;
  return volumes * config.network.inChannels * resize[0] * resize[1] * resize[2] * FLOAT;
}

/** What a run will take, in lines for people. The time is a guess from the device's measured speed; the bar knows better. */
export async function describeCost(
  config: PretrainConfig,
  cases: Cases,
  cost: CostEstimate,
  available: number,
  stepsLeft: number,
): Promise<string[]> {
  const memory = cost.stateBytes + cost.activationBytes;
  const secondsPerStep = cost.stepFlops / ((await measureSpeed()) * EFFICIENCY);
  const cache = cacheBytes(config, cases);
  const tight = memory > available ? ' — more than is free: use a smaller network.featureSize or method.input' : '';
  return [
    `data: ${cases.train.length} volumes to train on, ${cases.validation.length} held out`,
    `network: ${(cost.parameters / 1e6).toFixed(1)} M parameters; ${cost.cropsPerStep} crops a step, ${cost.microBatch} at a time`,
    `memory: about ${formatBytes(memory)} (${formatBytes(available)} free)${tight}`,
    ...(cache === undefined ? [] : [`cache: up to ${formatBytes(cache)} on disk`]),
    `time: very roughly ${formatDuration(secondsPerStep * stepsLeft)} for ${stepsLeft} steps`,
  ];
}
