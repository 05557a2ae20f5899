import { readWeights } from '../convert/read';
import type { PretrainConfig } from '../config';
import { configOfCheckpoint } from '../config/ofCheckpoint';
import { cacheKey } from '../data/cache';
import { imageFiles } from '../data/datalist';
import { storeSettings, VolumeStore } from '../data/volumeStore';
import { UserError } from '../errors/userError';
import { availableMemory } from '../files/memory';
import type { Vec3 } from '../geometry';
import { previewFor, taskOf } from '../catalog';
import type { CropQuestion } from '../protocol/answers';
import { breathe } from '../rpc/breath';
import { planRows, type AnswerPart, type Batch, type Rows, type TrainedModel } from '../tasks';
import { stepCost } from '../tasks/memory';
import * as tf from '../tensor/tf';
import { vectorsOf } from '../train/vectorPieces';
import { misfit, requireSameTask } from './fit';

export interface Answer {
  readonly parts: readonly AnswerPart[];
  /** Size of the images in it, voxels. */
  readonly size: Vec3;
  /** Optimizer steps that the checkpoint was trained for. */
  readonly step: number;
}

/** A checkpoint's network with the heads of its pretext task, on the device in use. */
interface Opened {
  readonly key: string;
  readonly model: TrainedModel<Batch>;
  readonly step: number;
  /** Rows in memory at a time. */
  readonly microBatch: number;
}

/** Builds what a config trains, with the weights of a checkpoint. @throws UserError where they are of another task or network */
async function open({ checkpoint, config }: CropQuestion<PretrainConfig>, key: string): Promise<Opened> {
  const { entries, metadata } = await readWeights(checkpoint);
  if (metadata.kind !== 'pretrain')
    throw new UserError(
      `${checkpoint}: is no checkpoint of a pre-training; choose a step-….safetensors that voco pretrain wrote`,
    );
  const own = configOfCheckpoint(checkpoint, metadata, 'pretrain');
  requireSameTask(config, own, checkpoint);
  const task = await taskOf(config);
  const cases = { train: [], validation: [] };
  const model = task.build({ config, cases, totalSteps: config.train.steps ?? 1, onWarning: () => undefined });
  try {
    model.weights.loadStateDict(entries, { strict: true, source: checkpoint });
  } catch (error) {
    model.dispose();
    throw error instanceof UserError ? misfit(config, own, checkpoint, error) : error;
  }
  const { microBatch } = stepCost(config, task.cost(config), availableMemory());
  return { key, model, step: Number(metadata.step), microBatch };
}

/**
 * Asks pre-training checkpoints what their pretext task asks of a crop, by the modules and the loss of training. The last checkpoint and
 * volumes stay in memory, so that the next question about them is answered sooner.
 */
export class Answerer {
  private opened?: Opened;
  private store?: { readonly key: string; readonly store: VolumeStore };
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly onWarning: (message: string) => void = () => undefined) {}

  /**
   * The answer to one question after the other.
   *
   * @throws UserError naming the file at fault; AbortError when cancelled
   */
  answer(question: CropQuestion<PretrainConfig>, signal?: AbortSignal): Promise<Answer> {
    const answer = this.last.then(() => this.ask(question, signal));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  dispose(): void {
    this.opened?.model.dispose();
    delete this.opened;
  }

  private async ask(question: CropQuestion<PretrainConfig>, signal: AbortSignal | undefined): Promise<Answer> {
    signal?.throwIfAborted();
    const { model, step, microBatch } = await this.model(question);
    const { loss, answer } = model;
    if (!answer)
      throw new UserError(`The pretext task ${question.config.method.name} has no answers that can be shown.`);
    const { batch, size } = await this.batch(question, loss.reach !== 'batch');
    await breathe(signal);
    if (loss.reach === 'sample') return { parts: await answer(batch), size, step };
    const plan = planRows(loss.rows(batch), microBatch);
    const forward = (rows: Rows): tf.Tensor2D => tf.tidy(() => loss.forward(batch, rows).vectors);
    const vectors = await vectorsOf(plan, forward, () => breathe(signal));
    return { parts: await answer(batch, vectors).finally(() => vectors.dispose()), size, step };
  }

  /** The rows of the crop, drawn anew: beside those of a batch, or alone. */
  private async batch(
    { config, item, request, streams }: CropQuestion<PretrainConfig>,
    alone: boolean,
  ): Promise<{ batch: Batch; size: Vec3 }> {
    const volume = await this.volumes(config).load(item);
    const drawn = (await previewFor(config)).open(config, volume);
    const batch = drawn.batch!(request, streams, alone);
    const { channels } = batch as Batch & { readonly channels?: number };
    const { inChannels } = config.network;
    if (channels !== undefined && channels !== inChannels)
      throw new UserError(
        `${imageFiles(item)[0]}: crops have ${channels} channels, the network takes ${inChannels}; see data.channel`,
      );
    return { batch, size: drawn.input };
  }

  private async model(question: CropQuestion<PretrainConfig>): Promise<Opened> {
    const { checkpoint, config } = question;
    const { method, network, seed } = config;
    const key = JSON.stringify([await cacheKey([checkpoint], {}), method, network, seed]);
    if (this.opened?.key !== key) {
      this.dispose();
      this.opened = await open(question, key);
    }
    return this.opened;
  }

  private volumes(config: PretrainConfig): VolumeStore {
    const settings = storeSettings(config.data);
    const key = JSON.stringify(settings);
    if (this.store?.key !== key) this.store = { key, store: new VolumeStore(settings, this.onWarning) };
    return this.store.store;
  }
}
