import type { Vec3 } from '../../geometry';
import { orientationOf, parseAxisCodes, spacingOf, type NiftiHeader, type PreprocessSettings } from '../../volume';
import type { Finding } from './finding';
import type { CaseFacts, ImageFacts } from './checkCase';
import { formatSize, significant } from '../../text';

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
      message: `${count(item)} channels; most others have ${usual.value}`,
      advice:
        'all images need the same number of channels: set data.channel to a channel that all have, or remove these cases',
    }));
}

/** Size of a volume after turning and resampling; a foreground cut can only make it smaller. */
export function sizeBeforeCrops(header: NiftiHeader, settings: PreprocessSettings): Vec3 {
  if (settings.resize !== null) return settings.resize;
  const from = orientationOf(header.affine);
  const to = settings.orientation === null ? from : parseAxisCodes(settings.orientation);
  const spacing = spacingOf(header.affine);
  const along = (axis: 0 | 1 | 2): number => {
    const source = from.axis.indexOf(to.axis[axis]) as 0 | 1 | 2;
    const size = header.size[source];
    return settings.spacing === null ? size : Math.round(((size - 1) * spacing[source]) / settings.spacing[axis] + 1);
  };
  return [along(0), along(1), along(2)];
}

function tooSmall(images: readonly ImageFacts[], settings: PreprocessSettings, needed: Vec3): Finding[] {
  return images
    .map((image) => ({ image, size: sizeBeforeCrops(image.header, settings) }))
    .filter(({ size }) => size.some((n, axis) => n < needed[axis]!))
    .map(({ image, size }) => ({
      severity: 'error',
      file: image.file,
      message: `${formatSize(size)} voxels after preprocessing, but the crop grid needs ${formatSize(needed)}`,
      advice: 'set preprocess.resize, or use a smaller grid or crop',
    }));
}

export interface CompareOptions {
  readonly channel: number | 'all';
  readonly preprocess?: PreprocessSettings;
  /** Voxels that the crop grid covers. */
  readonly gridSize?: Vec3;
}

/** What is odd about cases beside the others of the list. */
export function compareCases(cases: readonly CaseFacts[], options: CompareOptions): Finding[] {
  const readable = cases.filter((item) => item.images.length > 0);
  const images = readable.map((item) => item.images[0]!);
  const findings: Finding[] = [];
  if (readable.length > 1) findings.push(...channelOutliers(readable, options.channel));
  if (readable.length >= ENOUGH) {
    findings.push(...spacingOutliers(images));
    findings.push(...orientationOutliers(images, (options.preprocess?.orientation ?? null) !== null));
  }
  if (options.preprocess && options.gridSize) findings.push(...tooSmall(images, options.preprocess, options.gridSize));
  return findings;
}
