import type { Finding } from './finding';
import type { ImageFacts } from '../../data/judge';
import type { CaseFacts } from './caseFacts';
import { counted, formatSize, significant } from '../../text';

/** Fewer cases than this have no usual value to differ from. */
const ENOUGH = 5;

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function mostFrequent<T>(values: readonly T[]): { value: T; share: number } {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [value, count] = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best));
  return { value, share: count / values.length };
}

function spacingOutliers(images: readonly ImageFacts[]): Finding[] {
  const within = (image: ImageFacts) => Math.min(...image.spacing);
  const between = (image: ImageFacts) => Math.max(...image.spacing);
  const usual = [median(images.map(within)), median(images.map(between))];
  const odd = (value: number, typical: number) => value > 3 * typical || value < typical / 3;
  return images
    .filter((image) => odd(within(image), usual[0]!) || odd(between(image), usual[1]!))
    .map((image) => ({
      severity: 'warning',
      file: image.file,
      message: `spacing ${formatSize(image.spacing.map((mm) => significant(mm, 3)))} mm, unlike the rest (median ${significant(usual[0]!, 3)} to ${significant(usual[1]!, 3)} mm)`,
      advice:
        'check that the header is right (scouts and thick slabs hide in downloads), or resample with preprocess.spacing',
    }));
}

function orientationOutliers(images: readonly ImageFacts[], turned: boolean): Finding[] {
  const usual = mostFrequent(images.map((image) => image.orientation));
  return images
    .filter((image) => image.orientation !== usual.value)
    .map((image) => ({
      severity: turned ? 'info' : 'warning',
      file: image.file,
      message: `orientation ${image.orientation}; most others are ${usual.value}`,
      advice: turned
        ? 'nothing to do: images are reoriented before training'
        : 'set preprocess.orientation, for example to "RAS"',
    }));
}

function channelOutliers(cases: readonly CaseFacts[], channel: number | 'all'): Finding[] {
  const count = (item: CaseFacts) =>
    item.images.reduce((sum, image) => sum + (channel === 'all' ? image.header.channels : 1), 0);
  const usual = mostFrequent(cases.map(count));
  return cases
    .filter((item) => count(item) !== usual.value)
    .map((item) => ({
      severity: 'error',
      file: item.images[0]!.file,
      message: `${counted(count(item), 'channel')}; most others have ${usual.value}`,
      advice:
        'all images need the same number of channels: set data.channel to a channel that all have, or remove these cases',
    }));
}

export interface CompareOptions {
  readonly channel: number | 'all';
  /** Whether images are reoriented before training. */
  readonly turned: boolean;
  /** Whether each image has been held against the network's channels. */
  readonly channelsJudged: boolean;
}

/** What is odd about cases beside the others of the list. */
export function compareCases(cases: readonly CaseFacts[], options: CompareOptions): Finding[] {
  const readable = cases.filter((item) => item.images.length > 0);
  const images = readable.map((item) => item.images[0]!);
  const findings: Finding[] = [];
  if (readable.length > 1 && !options.channelsJudged) findings.push(...channelOutliers(readable, options.channel));
  if (readable.length >= ENOUGH) {
    findings.push(...spacingOutliers(images));
    findings.push(...orientationOutliers(images, options.turned));
  }
  return findings;
}
