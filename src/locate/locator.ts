import { boxAround } from '../geometry';
import type { PretrainConfig } from '../config';
import { requireVoco, type VocoConfig } from '../pretext/voco/config';
import { cacheFolder, cacheKey } from '../data/cache';
import { NO_AUGMENTATION } from '../data/augment';
import { cropTraits, shownChannel } from '../data/channels';
import { VolumeStore } from '../data/volumeStore';
import { UserError } from '../errors/userError';
import type { LocateReport, PlacedCrop, Predictions } from '../protocol/locate';
import { spacingOf, type Volume } from '../volume';
import { baseBoxes, type CropGrid } from '../pretext/voco/geometry';
import { layGrid } from '../pretext/voco/sampler';
import { loaderSettings, vocoTask } from '../pretext/voco/task';
import { availableMemory } from '../files/memory';
import { stepCost } from '../tasks/memory';
import type { Features } from '../pretext/voco/model';
import { errorMap } from './errorMap';
import { judge, samplePositions, summarize } from './positions';
import { disposeFeatures, encodeCrops, predictSimilarities, type PredictorOptions } from './predictor';
import { openPretrained, type Pretrained } from './pretrained';
import { cachedResult } from './store';

/** A checkpoint and the image that it is asked about. */
export interface ImageQuestion {
  readonly checkpoint: string;
  /** Preprocessing, grid and crops; by default those of the checkpoint's run. Network and objective are always the checkpoint's. */
  readonly config?: PretrainConfig | undefined;
  /** The image's files, absolute. */
  readonly files: readonly string[];
}

export interface LocateRequest extends ImageQuestion {
  /** How many random crops are asked about; rounded up to whole training steps. */
  readonly positions: number;
  readonly seed: number;
}

export interface PredictRequest extends ImageQuestion {
  /** The random crops and base crops of one training step on this image. */
  readonly randoms: readonly PlacedCrop[];
  readonly bases: readonly PlacedCrop[];
}

export type LocateOptions = Pick<PredictorOptions, 'signal' | 'onProgress'>;

interface Scene {
  readonly pretrained: Pretrained;
  readonly config: VocoConfig;
  readonly volume: Volume<Float32Array>;
  readonly grid: CropGrid;
}

/** A checkpoint on the device, and how many questions about it are being answered. */
interface Opened {
  readonly key: string;
  readonly pretrained: Promise<Pretrained>;
  users: number;
  bases?: { readonly key: string; readonly features: Features };
}

function release({ pretrained, bases }: Opened): void {
  if (bases) disposeFeatures(bases.features);
  // A checkpoint that could not be opened has nothing to dispose. Its caller got the error.
  void pretrained.then(
    ({ model }) => model.dispose(),
    () => undefined,
  );
}

/**
 * Runs pre-training checkpoints on images, on the device in use. The last checkpoint and volumes stay in memory, so that the
 * next question about them is answered sooner.
 */
export class Locator {
  private opened?: Opened;
  private store?: { key: string; store: VolumeStore };
  private predicting: Promise<unknown> = Promise.resolve();

  constructor(private readonly onWarning: (message: string) => void = () => undefined) {}

  /** The checkpoint, opened once while its file does not change. @throws UserError if it is not a pre-training checkpoint */
  open(checkpoint: string): Promise<Pretrained> {
    return this.using(checkpoint, ({ pretrained }) => pretrained);
  }

  /**
   * Where the network places many random crops of an image: cached by checkpoint, image and settings.
   *
   * @throws UserError naming the file at fault; AbortError when cancelled
   */
  async locate(request: LocateRequest, options: LocateOptions = {}): Promise<LocateReport> {
    const { checkpoint, files, positions, seed } = request;
    const config = settingsFor(request, (await this.open(checkpoint)).config);
    const { randomCrops, grid, crop, input } = config.method;
    const { preprocess, channel, cache } = config.data;
    const shaping = { preprocess, channel, randomCrops, grid, crop, input, positions, seed };
    const folder = cache.enabled ? cacheFolder(cache.folder) : null;
    const made = (): Promise<LocateReport> =>
      this.using(checkpoint, async (opened) => report(await this.scene(request, opened), request, options));
    return cachedResult([checkpoint, ...files], { locate: shaping }, folder, made);
  }

  /** Predicted similarities of given crops: those of a training step, when the crops are. Throws as {@link locate}. */
  predict(request: PredictRequest, options: LocateOptions = {}): Promise<Predictions> {
    // One after the other, since they share the features of the base crops.
    const answer = this.predicting.then(() =>
      this.using(request.checkpoint, async (opened) => {
        const settings = settingsOf(await this.scene(request, opened), options);
        const bases = await this.baseFeatures(request, settings, opened);
        const randoms = await encodeCrops(settings, request.randoms);
        const { length } = request.randoms;
        return predictSimilarities(settings, randoms, bases, length).finally(() => disposeFeatures(randoms));
      }),
    );
    this.predicting = answer.catch(() => undefined);
    return answer;
  }

  /** Lets go of the checkpoint as soon as nobody uses it any more. */
  dispose(): void {
    const { opened } = this;
    delete this.opened;
    if (opened?.users === 0) release(opened);
  }

  private async using<T>(checkpoint: string, work: (opened: Opened) => Promise<T>): Promise<T> {
    const key = await cacheKey([checkpoint], {});
    if (this.opened?.key !== key) {
      this.dispose();
      this.opened = { key, users: 0, pretrained: openPretrained(checkpoint) };
    }
    const { opened } = this;
    opened.users += 1;
    try {
      return await work(opened);
    } finally {
      opened.users -= 1;
      if (opened.users === 0 && opened !== this.opened) release(opened);
    }
  }

  /** Of the last base crops: while a random crop is moved about, they stay. */
  private async baseFeatures(request: PredictRequest, settings: PredictorOptions, opened: Opened): Promise<Features> {
    const { files, bases } = request;
    const key = JSON.stringify([files, this.store?.key, settings.input, bases]);
    if (opened.bases?.key !== key) {
      const features = await encodeCrops(settings, bases);
      if (opened.bases) disposeFeatures(opened.bases.features);
      opened.bases = { key, features };
    }
    return opened.bases.features;
  }

  private async scene({ checkpoint, files, config: wanted }: ImageQuestion, opened: Opened): Promise<Scene> {
    const pretrained = await opened.pretrained;
    const config = settingsFor({ checkpoint, config: wanted }, pretrained.config);
    const { model } = pretrained;
    model.student.checkSize(config.method.input);
    const loaded = await this.volumes(config).load({ image: files });
    const volume = shownChannel(loaded, cropTraits(config.data));
    const [channels] = volume.shape;
    if (channels !== model.student.inChannels) {
      throw new UserError(
        `${files[0]}: has ${channels} channels, the network of ${checkpoint} takes ${model.student.inChannels}; see data.channel`,
      );
    }
    return { pretrained, config, volume, grid: layGrid(volume, config.method) };
  }

  private volumes(config: VocoConfig): VolumeStore {
    const settings = loaderSettings(config).store;
    const key = JSON.stringify(settings);
    if (this.store?.key !== key) this.store = { key, store: new VolumeStore(settings, this.onWarning) };
    return this.store.store;
  }
}

/** Whose preprocessing, grid and crops count: those asked for, else those of the checkpoint. */
function settingsFor(
  { checkpoint, config }: Pick<ImageQuestion, 'checkpoint' | 'config'>,
  own: VocoConfig,
): VocoConfig {
  return config ? requireVoco(config, checkpoint) : own;
}

function settingsOf({ pretrained, config, volume }: Scene, options: LocateOptions): PredictorOptions {
  const network = { ...pretrained.config, method: { ...pretrained.config.method, input: config.method.input } };
  const { microBatch } = stepCost(network, vocoTask.cost(network), availableMemory());
  return { model: pretrained.model, volume, input: config.method.input, microBatch, ...options };
}

/** Predictions for crops that were not encoded before, with one progress over all of them. */
async function askAll(
  settings: PredictorOptions,
  randoms: readonly PlacedCrop[],
  bases: readonly PlacedCrop[],
  perStep: number,
): Promise<Predictions> {
  const total = randoms.length + bases.length;
  const from = (first: number): PredictorOptions => ({
    ...settings,
    onProgress: (done) => settings.onProgress?.(first + done, total),
  });
  const grid = await encodeCrops(from(0), bases);
  try {
    const crops = await encodeCrops(from(bases.length), randoms);
    return await predictSimilarities(settings, crops, grid, perStep).finally(() => disposeFeatures(crops));
  } finally {
    disposeFeatures(grid);
  }
}

async function report(scene: Scene, request: LocateRequest, options: LocateOptions): Promise<LocateReport> {
  const { config, grid, volume, pretrained } = scene;
  const { randomCrops } = config.method;
  const count = Math.ceil(Math.max(1, request.positions) / randomCrops) * randomCrops;
  const centres = samplePositions(grid, count, request.seed);
  const plain = (box: PlacedCrop['box']): PlacedCrop => ({ box, augmentation: NO_AUGMENTATION });
  const randoms = centres.map((centre) => plain(boxAround(centre, grid.crop)));
  const answers = await askAll(settingsOf(scene, options), randoms, baseBoxes(grid).map(plain), randomCrops);
  const spacing = spacingOf(volume.affine);
  const positions = centres.map((centre, i) => judge(centre, answers.predicted[i]!, grid, spacing));
  return {
    format: 1,
    checkpoint: pretrained.file,
    step: pretrained.step,
    objective: pretrained.model.objective.name,
    image: request.files,
    volume: { size: grid.volume, spacing, affine: [...volume.affine] },
    grid: { counts: grid.counts, crop: grid.crop, origin: grid.origin },
    seed: request.seed,
    positions,
    baseSimilarity: answers.baseSimilarity,
    map: errorMap(positions, grid),
    summary: summarize(positions, grid, spacing),
  };
}
