import { Buffer } from 'node:buffer';
import { statedConfig } from '../config/ofCheckpoint';
import type { PretrainConfig } from '../config/types';
import { isRecord } from '../schema/tree';
import type { Program } from './process';
import { toolServer, type ToolServer } from './toolServer';
import type { AnswerCalls, AnswerView, CropAnswer, CropQuestion } from '../protocol/answers';
import type { CheckpointItem, CropPrediction, CropRequest, LocateCall, PredictCall } from '../protocol/crops';
import type { LocateCalls, LocateReport, PlacedCrop } from '../protocol/locate';
import { mapPixels } from '../protocol/pixels';
import { listCheckpoints, type CheckpointInfo } from '../runs/checkpoint';
import { validationMetric } from '../protocol/metrics';
import type { RunRegistry } from './runRegistry';
import type { CallsOf, Client, Progress } from '../rpc';

/** Runs whose checkpoints are offered. */
const MOST_RUNS = 50;
/** Which random crops the map is made of: the same for every checkpoint. */
const SEED = 0;

interface Scene {
  readonly config: PretrainConfig;
  readonly files: readonly string[];
}

/** What the preview's thread reports about the config in its editor. */
export type SceneCalls = CallsOf<{
  scene(): Scene;
  step(
    request: CropRequest,
  ): Scene & { readonly randoms: readonly PlacedCrop[]; readonly bases: readonly PlacedCrop[] };
  question(request: CropRequest): Omit<CropQuestion<PretrainConfig>, 'checkpoint'>;
}>;

/** The pretext task of a checkpoint, as its header states it. */
export function taskOfCheckpoint(metadata: Readonly<Record<string, string>>): string | undefined {
  const method = statedConfig(metadata)?.method;
  return isRecord(method) && typeof method.name === 'string' ? method.name : undefined;
}

function item({ file, step, metrics, metadata }: CheckpointInfo, run: string): CheckpointItem {
  const loss = metrics[validationMetric('loss')] ?? metrics.loss;
  const task = taskOfCheckpoint(metadata);
  return { file, run, step, ...(task && { task }), ...(loss !== undefined && Number.isFinite(loss) && { loss }) };
}

/** A part of an answer with pictures that can be drawn. */
function drawable(part: AnswerView<string>): AnswerView {
  if (part.kind !== 'image') return part;
  return { ...part, picture: mapPixels(part.picture, (text) => Uint8Array.from(Buffer.from(text, 'base64'))) };
}

/** The checkpoints of the workspace's pre-trainings: newest runs first, of each run the newest first. */
export async function listPretrained(registry: RunRegistry): Promise<CheckpointItem[]> {
  const runs = registry.runs.filter(({ state }) => state.kind === 'pretrain').slice(0, MOST_RUNS);
  const lists = await Promise.all(
    runs.map(async ({ dir, label }) => {
      const { checkpoints } = await listCheckpoints(dir).catch(() => ({ checkpoints: [] }));
      return checkpoints.map((checkpoint) => item(checkpoint, label)).reverse();
    }),
  );
  return lists.flat();
}

/** Runs one question at a time of a kind: the next one cancels it. */
class Latest {
  private controller: AbortController | undefined;

  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    this.cancel();
    const controller = (this.controller = new AbortController());
    try {
      const value = await work(controller.signal);
      return controller.signal.aborted ? null : value;
    } catch (error) {
      if (controller.signal.aborted) return null;
      throw error;
    }
  }

  cancel(): void {
    this.controller?.abort();
  }
}

/** Asks a checkpoint's network about crops, in a trainer process that is started at the first question and ends with the panel. */
export class CropQuestions {
  private readonly server: ToolServer<LocateCalls<PretrainConfig> & AnswerCalls<PretrainConfig>>;
  private readonly locating = new Latest();
  private readonly predicting = new Latest();
  private device = 'auto';

  /** @param chosenDevice where the networks run; undefined for what the config says */
  constructor(
    private readonly scenes: Pick<Client<SceneCalls>, 'call'>,
    program: () => Promise<Program>,
    private readonly chosenDevice: () => string | undefined,
  ) {
    this.server = toolServer(program, () => ['locate', '--serve', '--device', this.device]);
  }

  /** Null when it was cancelled, or another one was asked. */
  locate(
    { checkpoint, positions }: LocateCall,
    onProgress: (progress: Progress) => void,
  ): Promise<LocateReport | null> {
    return this.locating.run(async (signal) => {
      const scene = await this.scenes.call('scene', []);
      this.device = this.chosenDevice() ?? scene.config.device;
      const request = { checkpoint, ...scene, positions, seed: SEED };
      return this.server.call('locate', request, { signal, onProgress });
    });
  }

  predict({ checkpoint, ...request }: PredictCall): Promise<CropPrediction | null> {
    return this.predicting.run(async (signal) => {
      const step = await this.scenes.call('step', [request]);
      this.device = this.chosenDevice() ?? step.config.device;
      const asked = { checkpoint, ...step };
      const { predicted, baseSimilarity } = await this.server.call('predict', asked, { signal });
      const { kind, index } = request.choice;
      return { predicted: kind === 'random' ? predicted[Math.min(index, predicted.length - 1)]! : [], baseSimilarity };
    });
  }

  /** What the network answers to what its pretext task asks of the crop. */
  answer({ checkpoint, ...request }: PredictCall): Promise<CropAnswer | null> {
    return this.predicting.run(async (signal) => {
      const question = await this.scenes.call('question', [request]);
      this.device = this.chosenDevice() ?? question.config.device;
      const { parts, step } = await this.server.call('answer', { checkpoint, ...question }, { signal });
      return { parts: parts.map(drawable), step };
    });
  }

  cancel(): null {
    this.locating.cancel();
    this.predicting.cancel();
    return null;
  }

  dispose(): void {
    this.cancel();
    this.server.dispose();
  }
}
