import { voxelCount } from '../geometry';
import {
  applyNotices,
  geometryNotices,
  gridOf,
  judgeChannelGrid,
  noticeText,
  ontoGrid,
  readVolume,
  type NonFinite,
  type Notice,
  type Volume,
} from '../volume';
import { plural } from '../text';

/** An image as it was read, the channels of its files stacked. */
export interface ReadVolume {
  readonly volume: Volume;
  /** Voxels that are not numbers; they are left as they are. */
  readonly nonFinite: NonFinite;
  /** What is odd about the files, none of it an error. */
  readonly notices: readonly (Notice & { readonly file: string })[];
}

/**
 * Reads an image of one or several files as one volume `[C, X, Y, Z]`.
 *
 * @throws UserError naming the file that is missing, malformed, or does not fit the others
 */
export async function readChannels(files: readonly string[], channel: number | 'all'): Promise<ReadVolume> {
  const volumes: Volume[] = [];
  const notices: (Notice & { file: string })[] = [];
  const tell = (file: string, found: readonly Notice[]): void => {
    applyNotices(file, found, () => undefined);
    notices.push(...found.map((notice) => ({ ...notice, file })));
  };
  let [nan, infinite] = [0, 0];
  for (const file of files) {
    const { volume, header, nonFinite } = await readVolume(file, { channel });
    tell(file, geometryNotices(header));
    nan += nonFinite.nan;
    infinite += nonFinite.infinite;
    const first = volumes[0];
    if (!first) volumes.push(volume);
    else {
      const notice = judgeChannelGrid(gridOf(volume), gridOf(first), files[0]!);
      if (notice) tell(file, [notice]);
      volumes.push(ontoGrid(volume, gridOf(first)));
    }
  }
  const volume = volumes.length === 1 ? volumes[0]! : stackChannels(volumes);
  return { volume, nonFinite: { nan, infinite }, notices };
}

/** {@link readChannels}, and tells of voxels that are not numbers. */
export async function readImage(
  files: readonly string[],
  channel: number | 'all',
  onWarning: (message: string) => void,
): Promise<Volume> {
  const { volume, nonFinite, notices } = await readChannels(files, channel);
  for (const one of notices) if (one.severity === 'warning') onWarning(noticeText(one.file, one));
  const bad = nonFinite.nan + nonFinite.infinite;
  if (bad > 0)
    onWarning(
      `${files[0]}: ${bad} ${plural(bad, 'voxel is NaN or infinite and was', 'voxels are NaN or infinite and were')} replaced`,
    );
  return volume;
}

function stackChannels(volumes: readonly Volume[]): Volume<Float32Array> {
  const [, ...size] = volumes[0]!.shape;
  const channels = volumes.reduce((sum, volume) => sum + volume.shape[0], 0);
  const data = new Float32Array(channels * voxelCount(size));
  let at = 0;
  for (const volume of volumes) {
    data.set(volume.data, at);
    at += volume.data.length;
  }
  return { data, shape: [channels, ...size], affine: volumes[0]!.affine };
}
