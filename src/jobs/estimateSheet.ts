import { networkDescriptors, sizeKeyOf } from '../nets/descriptors';
import {
  longRunAdvice,
  memoryNeeded,
  type DiskUse,
  type EstimateCard,
  type EstimateSheet,
  type RunEstimate,
} from '../protocol/estimate';
import { counted, formatBytes, formatDuration, formatSeconds } from '../text';

type ShownFolder = (folder: string) => string;

function timeCard(estimate: RunEstimate): EstimateCard {
  const { time, device } = estimate;
  const advice = longRunAdvice(estimate);
  const { steps, secondsPerStep, measured } = time;
  return {
    title: 'Time',
    value: `${measured ? '' : 'roughly '}${formatDuration(steps * secondsPerStep)}`,
    details: [
      `${counted(steps, 'step')} of ${formatSeconds(secondsPerStep)}`,
      measured ? `measured on ${device.name} just now` : `calculated from the speed of ${device.name}, not measured`,
      ...(device.noGpu === undefined ? [] : [`no GPU is used: ${device.noGpu.replaceAll('`', '')}`]),
      'without preparing the volumes and validation',
    ],
    ...(advice && { problem: `${advice[0]!.toUpperCase()}${advice.slice(1)}.` }),
  };
}

function memoryCard(estimate: RunEstimate): EstimateCard {
  const { memory, network } = estimate;
  const needed = memoryNeeded(estimate);
  const share = needed / memory.freeBytes;
  return {
    title: 'Memory',
    value: formatBytes(needed),
    details: [
      `${formatBytes(memory.freeBytes)} are free`,
      `${formatBytes(memory.stateBytes)} for weights, gradients and optimizer`,
      `${formatBytes(memory.activationBytes)} for ${counted(network.microBatch, 'crop')} at a time`,
      `${formatBytes(memory.processBytes)} for the program, volumes and batches`,
    ],
    share,
    ...(share > 1 && { problem: `Does not fit: use a smaller ${sizeKeyOf(network.name)} or smaller crops.` }),
  };
}

function diskCard(
  title: string,
  { folder, bytes, freeBytes }: DiskUse,
  shown: ShownFolder,
  advice: string,
): EstimateCard {
  const share = freeBytes === undefined ? undefined : bytes / freeBytes;
  const free = freeBytes === undefined ? [] : [`${formatBytes(freeBytes)} are free on the disk`];
  return {
    title,
    value: `up to ${formatBytes(bytes)}`,
    details: [...free, `in ${shown(folder)}`],
    ...(share !== undefined && { share }),
    ...(share !== undefined && share > 1 && { problem: advice }),
  };
}

/**
 * An estimate in words for the panel.
 *
 * @param shown a folder as the user knows it, relative to what is open
 */
export function estimateSheet(estimate: RunEstimate, shown: ShownFolder): EstimateSheet {
  const { name, kind, device, volumes, network, cache, checkpoints, warnings } = estimate;
  const training = kind === 'pretrain' ? 'Pre-training' : 'Fine-tuning';
  return {
    title: name,
    subtitle: `${training} on ${device.name} (${device.description})`,
    cards: [
      timeCard(estimate),
      memoryCard(estimate),
      ...(cache
        ? [diskCard('Cache', cache, shown, 'Does not fit: set data.cache.folder to a folder on a larger disk.')]
        : []),
      diskCard('Checkpoints', checkpoints, shown, 'Does not fit: set output to a folder on a larger disk.'),
      {
        title: 'Data',
        value: counted(volumes.train, 'volume'),
        details: [
          volumes.heldOut > 0 ? `and ${volumes.heldOut} held out for validation` : 'none held out for validation',
          ...(volumes.skipped ? [`${volumes.skipped} left out as bad`] : []),
        ],
      },
      {
        title: 'Network',
        value: `${(network.parameters / 1e6).toFixed(1)} M parameters`,
        details: [networkDescriptors.get(network.name).title, `${counted(network.cropsPerStep, 'crop')} a step`],
      },
    ],
    warnings,
    start: kind === 'pretrain' ? 'Pre-train' : 'Fine-tune',
  };
}
