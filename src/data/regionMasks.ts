import { UserError } from '../errors/userError';
import type { Vec3 } from '../geometry';
import { counted, plural } from '../text';
import {
  applyNotices,
  countLabelValues,
  fileNotices,
  gridOf,
  judgeLabelGrid,
  ontoGrid,
  preprocess,
  readVolume,
  type Grid,
  type LabelValues,
  type Notice,
  type PreprocessOptions,
  type PreprocessSettings,
  type Volume,
} from '../volume';
import type { RegionMasks, RegionName } from './datalist/found';
import { imageFiles, type Case } from './datalist/case';
import { regionFiles, regionText } from './datalist/regionMasks';
import { nthVoxel } from './places';

/** A region mask, with what is to be said of it. */
export interface JudgedMask {
  /** 1 inside, 0 outside, on the image's grid; undefined when there is an error among the notices. */
  readonly mask?: Volume<Uint8Array>;
  readonly notices: readonly Notice[];
}

const ADVICE = 'a mask has 0 outside and one other value inside: name the mask, or write it so';

/** What is to be said of a mask's values. */
function judgeValues({ counts, between, nonFinite, min }: LabelValues): Notice[] {
  const inside = [...counts.keys()].filter((value) => value !== 0).sort((a, b) => a - b);
  if (nonFinite > 0)
    return [
      {
        severity: 'error',
        message: `${counted(nonFinite, 'voxel')} ${plural(nonFinite, 'is', 'are')} NaN or infinite`,
        advice: ADVICE,
      },
    ];
  if (between.voxels > 0 || min < 0 || inside.length > 1) {
    const shown = [...inside, ...between.examples].slice(0, 4).map(String).join(', ');
    return [{ severity: 'error', message: `holds other values than a mask (${shown}, …)`, advice: ADVICE }];
  }
  return [];
}

const marked = (data: Uint8Array): number => data.reduce((sum, value) => sum + value, 0);

/** Whether a mask lies inside its image and leaves something to do. @param all voxels that it marks, outside of the image as well */
function judgeExtent(name: RegionName, { data }: Volume<Uint8Array>, all: number, imageFile: string): Notice[] {
  const inside = marked(data);
  if (inside < all) {
    const message = `marks ${counted(all - inside, 'voxel')} outside of its image ${imageFile}`;
    return [{ severity: 'error', message, advice: 'pair the mask with its own image' }];
  }
  if (name === 'anatomy' && inside === 0)
    return [{ severity: 'error', message: 'marks no voxel of its image', advice: 'no crop can be drawn there' }];
  if (name === 'anonymization' && inside === data.length)
    return [{ severity: 'error', message: 'marks its whole image', advice: 'nothing is left to be restored' }];
  return [];
}

/**
 * Reads a region mask and judges where it lies and what it holds. Training, the preview and the check of data all use this.
 *
 * @param image grid of its image
 * @throws UserError naming the mask when it cannot be read
 */
export async function judgeRegionMask(
  name: RegionName,
  file: string,
  image: Grid,
  imageFile: string,
): Promise<JudgedMask> {
  const { volume, header } = await readVolume(file, { channel: 0 });
  if (header.channels > 1) {
    const message = `has ${header.channels} channels; ${regionText(name)}s have one`;
    return { notices: [{ severity: 'error', message, advice: 'store one value a voxel' }] };
  }
  const grid = judgeLabelGrid(gridOf(volume), image, imageFile, { what: 'mask' });
  const notices = [
    ...fileNotices(header.warnings),
    ...(grid ? [grid] : []),
    ...judgeValues(countLabelValues(volume.data)),
  ];
  if (notices.some(({ severity }) => severity === 'error')) return { notices };
  const inside = Uint8Array.from(volume.data as ArrayLike<number>, (value) => (value >= 0.5 ? 1 : 0));
  const mask = ontoGrid({ ...volume, data: inside }, image) as Volume<Uint8Array>;
  const extent = judgeExtent(name, mask, marked(inside), imageFile);
  return extent.length > 0 ? { notices: [...notices, ...extent] } : { mask, notices };
}

/** The anatomy of a preprocessed volume, of which crops are drawn. */
export class Anatomy {
  private readonly counts: Uint32Array;
  /** Voxels of it. */
  readonly total: number;

  /** @param mask `[X, Y, Z]`, 1 inside */
  constructor(
    readonly mask: Uint8Array,
    private readonly size: Vec3,
  ) {
    const area = size[1] * size[2];
    this.counts = Uint32Array.from({ length: size[0] }, (_, x) => marked(mask.subarray(x * area, (x + 1) * area)));
    this.total = this.counts.reduce((sum, count) => sum + count, 0);
  }

  /** One of its voxels. @param share uniform in [0, 1) */
  at(share: number): Vec3 {
    const [, ny, nz] = this.size;
    const n = Math.min(this.total - 1, Math.floor(share * this.total));
    const flat = nthVoxel(this.counts, ny * nz, n, (i) => this.mask[i] === 1);
    return [Math.floor(flat / (ny * nz)), Math.floor((flat % (ny * nz)) / nz), flat % nz];
  }
}

/** A preprocessed image with the region masks of its case on the same grid. */
export interface PreparedVolume extends Volume<Float32Array> {
  /** `[X, Y, Z]`: 1 where an anonymisation removed something. */
  readonly anonymized?: Uint8Array;
  readonly anatomy?: Anatomy;
}

/** A mask brought to the grid of its preprocessed image. @param box that the image was cut to */
export function preprocessMask(
  mask: Volume<Uint8Array>,
  steps: PreprocessSettings,
  box: PreprocessOptions['box'],
  name: string,
): Volume<Uint8Array> {
  return preprocess(mask, steps, { label: true, ...(box && { box }), name }).volume as Volume<Uint8Array>;
}

/** A case's region masks on the grid of its preprocessed image. */
export type PreparedMasks = Partial<Record<RegionName, Volume>>;

/**
 * Reads, judges and preprocesses the region masks of a case.
 *
 * @param image grid of the stored image; @param box that it was cut to
 * @throws UserError naming the mask that cannot be read or does not fit
 */
export async function prepareMasks(
  item: { readonly image: Case['image']; readonly regionMasks?: RegionMasks },
  image: Grid,
  { steps, box }: { readonly steps: PreprocessSettings; readonly box: PreprocessOptions['box'] },
  onWarning: (message: string) => void,
): Promise<PreparedMasks> {
  const masks: PreparedMasks = {};
  for (const [name, file] of regionFiles(item)) {
    const { mask, notices } = await judgeRegionMask(name, file, image, imageFiles(item)[0]!);
    applyNotices(file, notices, onWarning);
    masks[name] = preprocessMask(mask!, steps, box, file);
  }
  return masks;
}

/**
 * A preprocessed image with masks on its grid.
 *
 * @param files of the masks, for errors
 * @throws UserError where the preprocessing has left nothing of an anatomy
 */
export function withMasks(volume: Volume<Float32Array>, masks: PreparedMasks, files: RegionMasks = {}): PreparedVolume {
  const bytes = ({ data }: Volume): Uint8Array => (data instanceof Uint8Array ? data : Uint8Array.from(data));
  const { anonymization, anatomy: region } = masks;
  const [, ...size] = volume.shape;
  const anatomy = region && new Anatomy(bytes(region), size);
  if (anatomy?.total === 0)
    throw new UserError(`${files.anatomy}: no voxel of it is left after preprocessing: check the foreground threshold`);
  return { ...volume, ...(anonymization && { anonymized: bytes(anonymization) }), ...(anatomy && { anatomy }) };
}

/** Bytes that a volume and its masks take. */
export const preparedBytes = ({ data, anonymized, anatomy }: PreparedVolume): number =>
  data.byteLength + (anonymized?.byteLength ?? 0) + (anatomy?.mask.byteLength ?? 0);
