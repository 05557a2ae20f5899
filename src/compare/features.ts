import { voxelCount, type Vec3 } from '../geometry';
import { breathe } from '../rpc/breath';
import { NO_AUGMENTATION, sampleCrop } from '../data/augment';
import { cacheFolder } from '../data/cache';
import { cropTraits, shownChannel } from '../data/channels';
import { storeSettings, VolumeStore } from '../data/volumeStore';
import { UserError } from '../errors/userError';
import type { Config } from '../config';
import { centredFeatures, LinearCka } from '../metrics';
import { createEncoder } from '../nets';
import type { FeatureComparison, FeatureStage } from '../protocol/comparison';
import { RandomStream, streamId } from '../random/random';
import type { Branch } from '../runs/import';
import { spatialPad, type Volume } from '../volume';
import { cachedResult } from '../locate/store';
import type { Say } from '../train/types';
import type { OpenedCheckpoint } from './checkpoints';
import { sizesOf, type CropSizes } from '../catalog/cropSizes';
import { encodeStages, openEncoder, POSITIONS_A_CROP, type StageFeatures } from './encoders';
import type { CallContext } from '../rpc';

export const DEFAULT_CROPS = 16;
/** Features of all are in memory. */
const MOST_CROPS = 256;
/** Changes whenever the numbers or the fields of a comparison do. */
const FEATURES_VERSION = 1;
const CROPS = streamId('feature crops');
const ESTIMATOR =
  'Linear CKA (Kornblith et al. 2019) of features centred by channel, over the positions of all crops, ' +
  `at most ${POSITIONS_A_CROP} of each crop; debiased: from unbiased estimates of HSIC (Nguyen et al. 2021).`;

export interface FeatureQuestion {
  /** The image's files, absolute. */
  readonly image: readonly string[];
  readonly branch?: Branch | undefined;
  readonly crops: number;
  readonly seed: number;
}

/** Why a network cannot take crops of a size, or a number of channels. */
function refusal({ file, config, checkpoint }: OpenedCheckpoint, input: Vec3, channels?: number): string | null {
  if (checkpoint.cannot.features !== undefined || !config) return checkpoint.cannot.features ?? file;
  try {
    const encoder = createEncoder(config.network, { seed: 0, describeOnly: true });
    encoder.checkSize(input);
    if (channels === undefined || encoder.inChannels === channels) return null;
    return `${file}: its network takes ${encoder.inChannels} channels, the image has ${channels}`;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `${file}: ${error.message}`;
  }
}

/** The first checkpoint whose crops every network takes, else the first that has a network. */
function chooseSettings(opened: readonly OpenedCheckpoint[]): number {
  const able = opened.flatMap(({ config, checkpoint }, i) =>
    config && checkpoint.cannot.features === undefined ? [{ i, input: sizesOf(config).input }] : [],
  );
  const fits = able.find(({ input }) => able.every(({ i }) => refusal(opened[i]!, input) === null));
  return (fits ?? able[0])?.i ?? -1;
}

async function loadVolume({ data }: Config, image: readonly string[], onWarning: Say): Promise<Volume<Float32Array>> {
  const settings = { ...storeSettings(data), memoryBytes: 0 };
  return shownChannel(await new VolumeStore(settings, onWarning).load({ image }), cropTraits(data));
}

/** Cuts the i-th seeded random crop `[…input, C]` out of a volume, which is padded with zeros where it is smaller than one. */
function cropsOf(whole: Volume<Float32Array>, { crop, input }: CropSizes, seed: number): (i: number) => Float32Array {
  const volume = spatialPad(whole, [...crop]);
  const [channels, ...size] = volume.shape;
  return (i) => {
    const random = new RandomStream(seed, CROPS, i);
    const start = size.map((n, axis) => random.integer(0, n - crop[axis]! + 1)) as [number, number, number];
    const values = new Float32Array(voxelCount(input) * channels);
    sampleCrop(volume, start, crop, input, NO_AUGMENTATION, values, 0);
    return values;
  };
}

/** A row of `n` for each of `n`. */
const square = (n: number): (number | null)[][] =>
  Array.from({ length: n }, () => new Array<number | null>(n).fill(null));

/** CKA of one stage between all networks that have it. */
async function compareStage(
  stride: number,
  networks: readonly (readonly StageFeatures[] | undefined)[],
  signal: AbortSignal,
): Promise<FeatureStage> {
  const stages = networks.map((stages) => stages?.find((stage) => stage.stride === stride));
  const features = stages.map((stage) => stage && centredFeatures(stage.values, stage.channels));
  const [cka, debiased] = [square(networks.length), square(networks.length)];
  const linear = new LinearCka();
  for (const [i, x] of features.entries())
    for (const [j, y] of features.slice(0, i + 1).entries()) {
      if (!x || !y) continue;
      signal.throwIfAborted();
      const found = linear.compare(x, y);
      cka[i]![j] = cka[j]![i] = i === j ? 1 : found.cka;
      debiased[i]![j] = debiased[j]![i] = Number.isNaN(found.debiased) ? null : found.debiased;
      await breathe();
    }
  const some = stages.find((stage) => stage)!;
  const samples = some.values.length / some.channels;
  return { stride, samples, channels: stages.map((stage) => stage?.channels ?? null), cka, debiased };
}

interface Work extends FeatureQuestion, CallContext {
  readonly settings: Config;
  readonly settingsOf: number;
  readonly onWarning: Say;
}

/** Features of each network, one in memory at a time; the reason where there are none. */
async function encodeAll(opened: readonly OpenedCheckpoint[], work: Work) {
  const { settings, image, onWarning, branch, seed, signal, onProgress } = work;
  const sizes = sizesOf(settings);
  const volume = await loadVolume(settings, image, onWarning);
  const crops = { count: work.crops, cut: cropsOf(volume, sizes, seed) };
  const missing = opened.map((one) => refusal(one, sizes.input, volume.shape[0]));
  requireTwo(missing);
  const networks: (StageFeatures[] | undefined)[] = [];
  let done = 0;
  const total = missing.filter((reason) => reason === null).length * crops.count;
  for (const [i, { file, config }] of opened.entries()) {
    signal.throwIfAborted();
    if (missing[i] !== null) {
      networks.push(undefined);
      continue;
    }
    const encoder = await openEncoder(file, config!, branch);
    try {
      const onCrop = (): void => onProgress((done += 1), total);
      networks.push(await encodeStages(encoder, crops, { input: sizes.input, seed, signal, onCrop }));
    } finally {
      encoder.dispose();
    }
  }
  return { ...sizes, missing, networks };
}

/** @throws UserError when fewer than two networks are left */
function requireTwo(missing: readonly (string | null)[]): void {
  const reasons = missing.filter((reason) => reason !== null);
  if (missing.length - reasons.length < 2) throw new UserError(reasons.join('; '));
}

async function computeFeatures(opened: readonly OpenedCheckpoint[], work: Work): Promise<FeatureComparison> {
  const { image, crops, seed, settingsOf, signal } = work;
  const { networks, missing, crop, input } = await encodeAll(opened, work);
  const strides = [...new Set(networks.flatMap((stages) => stages?.map(({ stride }) => stride) ?? []))];
  const stages: FeatureStage[] = [];
  for (const stride of strides.sort((a, b) => a - b)) stages.push(await compareStage(stride, networks, signal));
  return { image, crops, crop, input, seed, settingsOf, estimator: ESTIMATOR, stages, missing };
}

/**
 * How alike the features of checkpoints are, stage by stage of their encoders, on seeded random crops of an image: cached by
 * checkpoints, image and settings. The first checkpoint whose crops all networks take gives preprocessing and crop size.
 *
 * @throws UserError when fewer than two networks can be compared, or naming the file at fault; AbortError when cancelled
 */
export async function compareFeatures(
  opened: readonly OpenedCheckpoint[],
  question: FeatureQuestion,
  onWarning: Say,
  watched: CallContext,
): Promise<FeatureComparison> {
  if (question.crops > MOST_CROPS) throw new UserError(`features: ${question.crops} crops; take at most ${MOST_CROPS}`);
  const settingsOf = chooseSettings(opened);
  const settings = opened[settingsOf]?.config;
  requireTwo(opened.map(({ checkpoint }) => checkpoint.cannot.features ?? null));
  if (!settings) throw new Error('a checkpoint with a network has a config');
  const { preprocess, channel, cache } = settings.data;
  const { branch = 'student', crops, seed } = question;
  const shaping = { preprocess, channel, ...sizesOf(settings), branch, crops, seed, positions: POSITIONS_A_CROP };
  const files = [...opened.map(({ file }) => file), ...question.image];
  const folder = cache.enabled ? cacheFolder(cache.folder) : null;
  const work = { ...question, ...watched, settings, settingsOf, onWarning };
  return cachedResult(files, { features: FEATURES_VERSION, shaping }, folder, () => computeFeatures(opened, work));
}
