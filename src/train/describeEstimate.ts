import { sizeKeyOf } from '../nets/descriptors';
import { longRunAdvice, memoryNeeded, type DiskUse, type RunEstimate } from '../protocol/estimate';
import { counted, formatBytes, formatDuration, formatSeconds } from '../text';

/** An estimate in lines for people. */
export function describeEstimate(estimate: RunEstimate): string[] {
  const { volumes, network, memory, cache, checkpoints, time, device } = estimate;
  const needed = memoryNeeded(estimate);
  const advice = longRunAdvice(estimate);
  const tight =
    needed > memory.freeBytes ? ` — more than is free: use a smaller ${sizeKeyOf(network.name)} or smaller crops` : '';
  const disk = ({ bytes, freeBytes }: DiskUse): string =>
    `up to ${formatBytes(bytes)} on disk${freeBytes !== undefined && bytes > freeBytes ? ` — only ${formatBytes(freeBytes)} are free` : ''}`;
  const sure = time.measured ? 'about' : 'very roughly';
  const each = `${formatSeconds(time.secondsPerStep)} a step`;
  return [
    `data: ${counted(volumes.train, 'volume')} to train on, ${volumes.heldOut} held out${volumes.skipped ? `, ${volumes.skipped} left out as bad` : ''}`,
    `network: ${(network.parameters / 1e6).toFixed(1)} M parameters; ${network.cropsPerStep} crops a step, ${network.microBatch} at a time`,
    `memory: about ${formatBytes(needed)} (${formatBytes(memory.freeBytes)} free)${tight}`,
    ...(cache ? [`cache: ${disk(cache)}`] : []),
    `checkpoints: ${disk(checkpoints)}`,
    `time: ${sure} ${formatDuration(time.secondsPerStep * time.steps)} for ${time.steps} steps (${each})${device.noGpu === undefined ? '' : ' without a GPU'}, without preparing the volumes and validation`,
    ...(advice ? [`note: ${advice}`] : []),
  ];
}
