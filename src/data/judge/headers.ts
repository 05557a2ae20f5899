import { adviceFor } from '../../errors/advice';
import { AdvisedError, UserError } from '../../errors/userError';
import type { Vec3 } from '../../geometry';
import type { Finding } from '../../protocol/datasets';
import { counted, formatSize, plural } from '../../text';
import {
  checkComplete,
  fileNotices,
  geometryNotices,
  judgeChannelGrid,
  judgeLabelGrid,
  labelGrid,
  readHeader,
  type NiftiHeader,
} from '../../volume';
import { channelsText } from '../channels';
import { imageFiles, type Case } from '../datalist/case';
import { regionFiles } from '../datalist/regionMasks';
import { factsOf } from './facts';
import { namedAsLabels } from './labelMaps';
import { gridBeforeCrops, placesProblem } from './size';
import type { CaseDemands, CaseVerdict, Depth, ImageFacts } from './types';

/** A reading error as a finding: the message already says what is wrong. */
export function unreadable(error: unknown, file: string): Finding {
  if (!(error instanceof UserError)) throw error;
  if (error instanceof AdvisedError) {
    const { what, advice } = error;
    return { severity: 'error', file, message: error.file === file ? what : `${error.file}: ${what}`, advice };
  }
  const message = error.message.startsWith(`${file}: `) ? error.message.slice(file.length + 2) : error.message;
  return {
    severity: 'error',
    file,
    message,
    advice: adviceFor(message, 'repair the file or download it again, or remove the case from the list'),
  };
}

/** A UserError that comes from the system, not from what is in the file: it may be gone the next time. */
export function isTransient(error: unknown): boolean {
  const { code } = ((error as { cause?: unknown }).cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === 'string' && /^E[A-Z]+$/.test(code);
}

/** Findings on one case as they come, and whether all of them are of what is in the files. */
export class Findings {
  readonly list: Finding[] = [];
  lasting = true;

  add(...findings: readonly Finding[]): void {
    this.list.push(...findings);
  }

  /** Files of that name that cannot be read. @throws what is not a UserError */
  failed(error: unknown, file: string): void {
    this.list.push(unreadable(error, file));
    if (isTransient(error)) this.lasting = false;
  }

  /** Whether the same was said before. */
  has({ file, message }: Finding): boolean {
    return this.list.some((one) => one.file === file && one.message === message);
  }

  get bad(): boolean {
    return this.list.some(({ severity }) => severity === 'error');
  }
}

function channelFindings(file: string, { channels }: NiftiHeader, demands: CaseDemands): Finding[] {
  const { channel } = demands;
  if (channel === 'all' || channel < channels) return [];
  const message = `has ${counted(channels, 'channel')}, so there is no channel ${channel} (counted from 0)`;
  return [{ severity: 'error', file, message, advice: 'set data.channel to a channel that all images have' }];
}

async function judgeImage(file: string, demands: CaseDemands, depth: Depth, findings: Findings) {
  try {
    const header = await readHeader(file);
    // Whoever reads the voxels sees whether they are complete.
    const end = depth === 'headers' ? await checkComplete(file, header) : [];
    const facts = await factsOf(file, header);
    if (demands.preprocess) findings.add(...namedAsLabels(file));
    findings.add(...[...geometryNotices(header), ...fileNotices(end)].map((notice) => ({ ...notice, file })));
    findings.add(...channelFindings(file, header, demands));
    return facts;
  } catch (error) {
    findings.failed(error, file);
    return undefined;
  }
}

/** What lies over the image: a label map, or a region mask. */
async function judgeOverlay(
  file: string,
  image: ImageFacts | undefined,
  how: Parameters<typeof judgeLabelGrid>[3] & { readonly what: 'label' | 'mask' },
  depth: Depth,
  findings: Findings,
): Promise<void> {
  try {
    const header = await readHeader(file);
    const end = depth === 'headers' ? await checkComplete(file, header) : [];
    // The geometry is the image's: what is odd about that is told of the image.
    findings.add(...fileNotices([...header.warnings, ...end]).map((notice) => ({ ...notice, file })));
    if (header.channels > 1)
      findings.add({
        severity: 'error',
        file,
        message: `a ${how.what} with ${header.channels} channels`,
        advice: how.what === 'label' ? 'store one class number a voxel' : 'store one value a voxel',
      });
    const own = image && (how.what === 'label' ? labelGrid(header, image.header) : header);
    const notice = image && judgeLabelGrid(own!, image.header, image.file, how);
    if (notice) findings.add({ ...notice, file });
  } catch (error) {
    findings.failed(error, file);
  }
}

/** Told of a case that lacks channels, which is allowed. */
const filled = (file: string, missing: readonly number[]): Finding => ({
  severity: 'warning',
  file,
  message: `the case has no file of ${channelsText(missing)}, which ${plural(missing.length, 'is', 'are')} filled with zeros`,
  advice: 'add the file, or train with augment.dropChannel so that the network can do without',
});

/** Whether the channels fit each other, and the network. */
function judgeChannels(images: readonly ImageFacts[], missing: readonly number[], demands: CaseDemands): Finding[] {
  const [first] = images;
  if (!first) return [];
  const found = images.slice(1).flatMap((other): Finding[] => {
    const notice = judgeChannelGrid(other.header, first.header, first.file);
    return notice ? [{ ...notice, file: other.file }] : [];
  });
  if (missing.length > 0) found.push(filled(first.file, missing));
  const { channel, inChannels } = demands;
  const there = images.reduce((sum, { header }) => sum + (channel === 'all' ? header.channels : 1), 0);
  const channels = there + missing.length;
  if (inChannels === undefined || channels === inChannels) return found;
  const message = `${counted(channels, 'channel')}, but the network takes ${inChannels}`;
  const advice =
    'set network.inChannels to the number of channels that all images have, or choose one with data.channel';
  return [...found, { severity: 'error', file: first.file, message, advice }];
}

/** A volume that is smaller than what is cut from it. @param size voxels; @param spacing mm */
export function tooSmall(file: string, size: Vec3, spacing: Vec3, { gridSize, places }: CaseDemands): Finding[] {
  const problem = places && placesProblem(size, spacing, places);
  if (problem !== undefined)
    return [
      { severity: 'error', file, message: problem, advice: 'use smaller places (method.cropMm), or remove the case' },
    ];
  if (!gridSize || size.every((n, axis) => n >= gridSize[axis]!)) return [];
  return [
    {
      severity: 'error',
      file,
      message: `${formatSize(size)} voxels after preprocessing, but the crop grid needs ${formatSize(gridSize)}`,
      advice: 'set preprocess.resize, or use a smaller grid or crop',
    },
  ];
}

/** Looks at the headers of a case. */
export async function judgeHeaders(
  item: Case,
  demands: CaseDemands,
  depth: Depth,
  findings: Findings,
): Promise<Pick<CaseVerdict, 'images'>> {
  const files = item.problem?.noImage ? [] : imageFiles(item);
  const images: ImageFacts[] = [];
  for (const file of files) {
    const facts = await judgeImage(file, demands, depth, findings);
    if (facts) images.push(facts);
  }
  findings.add(...judgeChannels(images, item.missing ?? [], demands));
  const [first] = images;
  if (first && demands.preprocess)
    findings.add(...tooSmall(first.file, ...gridBeforeCrops(first.header, demands.preprocess), demands));
  const { problem } = item;
  if (problem)
    findings.add({ severity: 'error', file: problem.file, message: problem.message, advice: 'or remove the case' });
  else if (demands.labels && item.label === undefined)
    findings.add({
      severity: 'error',
      file: files[0]!,
      message: 'has no label',
      advice: 'add "label" in the datalist',
    });
  if (demands.labels && !problem && item.label !== undefined)
    await judgeOverlay(item.label, first, { what: 'label', onImageGrid: demands.labels.onImageGrid }, depth, findings);
  if (demands.preprocess)
    for (const [, file] of regionFiles(item)) await judgeOverlay(file, first, { what: 'mask' }, depth, findings);
  return { images: images.length === files.length ? images : [] };
}
