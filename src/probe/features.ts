import type { CropSizes } from '../catalog/cropSizes';
import { joined } from '../compare/encoders';
import type { Config } from '../config';
import { NO_AUGMENTATION, sampleCrop } from '../data/augment';
import { imageFiles, type Case } from '../data/datalist';
import { BadCaseError, UserError } from '../errors/userError';
import { availableMemory } from '../files/memory';
import { voxelCount } from '../geometry';
import { estimate, type Encoder } from '../nets';
import { RandomStream, streamId } from '../random/random';
import { breathe } from '../rpc/breath';
import { planRows } from '../tasks';
import { rowsBetweenLooks } from '../tasks/memory';
import * as tf from '../tensor/tf';
import type { ProbeCrops } from './linearProbe';
import type { Features } from './logistic';
import type { Drawn, Scene, Scenes } from './scenes';

const [ORDER, CROPS] = [streamId('probe volumes'), streamId('probe crops')];
/** Beyond this many crops at a time nothing gets faster. */
const MOST_ROWS = 16;
/** Share of the free memory that features are computed in. */
const USABLE_SHARE = 0.25;

/** Crops that are encoded at a time. */
export function batchSize(config: Config, { input }: CropSizes): number {
  const { forwardFlops, inferenceBytes } = estimate(config.network, input);
  const fitting = Math.floor((USABLE_SHARE * availableMemory()) / inferenceBytes);
  return Math.max(1, Math.min(MOST_ROWS, fitting, rowsBetweenLooks(forwardFlops, tf.getBackend())));
}

/** Crops of several volumes with their features under each network. */
export interface EncodedCrops extends ProbeCrops {
  /** The cases that crops were drawn of; `volumes` counts along these. */
  readonly cases: readonly Case[];
  /** One for each network, in their order. */
  readonly features: readonly Features[];
}

export interface EncodeRequest {
  readonly cases: readonly Case[];
  readonly scenes: Scenes;
  readonly sizes: CropSizes;
  /** Crops in all, spread evenly over the volumes. */
  readonly crops: number;
  readonly batch: number;
  readonly seed: number;
  /** All see the same crops. Their pooled features are the averages of all scales. */
  readonly encoders: readonly { readonly encoder: Encoder; readonly name: string }[];
  readonly signal: AbortSignal;
  /** Told of a case that cannot be read, which is then left out; absent: such a case ends all. */
  readonly onBadCase?: ((error: BadCaseError) => void) | undefined;
  /** Called after each batch with the crops done so far. */
  readonly onProgress: (done: number) => void;
}

async function openScene(item: Case, { scenes, onBadCase }: EncodeRequest): Promise<Scene | undefined> {
  try {
    return await scenes.open(item);
  } catch (error) {
    if (!onBadCase || !(error instanceof BadCaseError)) throw error;
    onBadCase(error);
    return undefined;
  }
}

function checkChannels({ image }: Scene, item: Case, { encoders }: EncodeRequest): void {
  for (const { encoder, name } of encoders)
    if (image.shape[0] !== encoder.inChannels)
      throw new UserError(
        `${imageFiles(item)[0]}: has ${image.shape[0]} channels, the network of ${name} takes ${encoder.inChannels}; see data.channel`,
      );
}

/** Features of crops of one volume under each network, a batch at a time. */
async function encodeVolume(
  { image }: Scene,
  crops: readonly Drawn[],
  { sizes: { crop, input }, batch, encoders, signal, onProgress }: EncodeRequest,
  into: readonly Float32Array[][],
  before: number,
): Promise<void> {
  if (crops.length === 0) return;
  const channels = image.shape[0];
  const length = voxelCount(input) * channels;
  for (const { first, count } of planRows(crops.length, batch)) {
    const values = new Float32Array(count * length);
    for (let i = 0; i < count; i++)
      sampleCrop(image, crops[first + i]!.start, crop, input, NO_AUGMENTATION, values, i * length);
    for (const [n, { encoder, name }] of encoders.entries()) {
      const pooled = tf.tidy(() => encoder.pooled(tf.tensor5d(values, [count, ...input, channels])));
      try {
        const found = (await pooled.data()) as Float32Array;
        if (!found.every(Number.isFinite))
          throw new UserError(
            `${name}: its features are not finite: the training had diverged; take an earlier checkpoint`,
          );
        into[n]!.push(found.slice());
      } finally {
        pooled.dispose();
      }
    }
    onProgress(before + first + count);
    // Lets a signal in: kernels block this thread.
    await breathe(signal);
  }
}

/**
 * Draws crops of the volumes and gives their pooled features under each network. Which crops are drawn is a function of seed and
 * cases alone; where there are fewer crops than volumes, some volumes are left out.
 *
 * @throws UserError naming the file that cannot be read; the signal's reason when aborted
 */
export async function encodeCrops(request: EncodeRequest): Promise<EncodedCrops> {
  const { cases, seed, encoders } = request;
  const order = [...new RandomStream(seed, ORDER).permutation(cases.length)].slice(0, request.crops);
  const parts = encoders.map((): Float32Array[] => []);
  const [volumes, labels, used]: [number[], number[], Case[]] = [[], [], []];
  for (const [place, index] of order.entries()) {
    const item = cases[index]!;
    const scene = await openScene(item, request);
    if (!scene) continue;
    checkChannels(scene, item, request);
    const count = Math.floor(request.crops / order.length) + (place < request.crops % order.length ? 1 : 0);
    const random = new RandomStream(seed, CROPS, streamId(item.id));
    const drawn = scene.barren ? [] : Array.from({ length: count }, () => scene.draw(random));
    await encodeVolume(scene, drawn, request, parts, volumes.length);
    for (const { label } of drawn) {
      volumes.push(used.length);
      labels.push(label);
    }
    if (drawn.length > 0) used.push(item);
  }
  const features = encoders.map(({ encoder: { pooledSize } }, n) => ({
    rows: volumes.length,
    columns: pooledSize,
    values: joined(parts[n]!),
  }));
  return { volumes, labels, cases: used, features };
}
