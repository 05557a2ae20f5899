import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { PretrainConfig } from '../../config/types';
import { UserError } from '../../errors/userError';
import type { Program } from '../../jobs/process';
import { ToolServer } from '../../jobs/toolServer';
import type { CheckpointItem, CropPrediction, CropRequest, LocateCall, PredictCall } from '../../protocol/crops';
import type { LocateReport, PlacedCrop, Predictions, Progress } from '../../protocol/locate';
import { listCheckpoints, type CheckpointInfo } from '../../runs/checkpoint';
import { VALIDATION_PREFIX } from '../../runs/runPlot';
import { runLabel } from '../../runs/runDirectory';
import { readSafetensorsHeader } from '../../runs/safetensors';
import { chosenDevice, type Services } from '../services';
import type { ThreadClient } from '../../rpc/threadClient';

/** Runs whose checkpoints are offered. */
const MOST_RUNS = 50;
/** Which random crops the map is made of: the same for every checkpoint. */
const SEED = 0;

interface Scene {
  readonly config: PretrainConfig;
  readonly files: readonly string[];
}

/** What the preview's thread tells of the config as it stands. */
export type Scenes = {
  scene(): Scene;
  step(
    request: CropRequest,
  ): Scene & { readonly randoms: readonly PlacedCrop[]; readonly bases: readonly PlacedCrop[] };
};

function item({ file, step, metrics }: CheckpointInfo, run: string): CheckpointItem {
  const loss = metrics[`${VALIDATION_PREFIX}loss`] ?? metrics.loss;
  return { file, run, step, ...(loss !== undefined && Number.isFinite(loss) && { loss }) };
}

/** The checkpoints of the workspace's pre-trainings: newest runs first, of each run the newest first. */
export async function listPretrained({ finder, registry }: Services): Promise<CheckpointItem[]> {
  await finder.start();
  const runs = registry.runs.filter(({ state }) => state.kind === 'pretrain').slice(0, MOST_RUNS);
  const lists = await Promise.all(
    runs.map(async ({ dir, label }) => {
      const { checkpoints } = await listCheckpoints(dir).catch(() => ({ checkpoints: [] }));
      return checkpoints.map((checkpoint) => item(checkpoint, label)).reverse();
    }),
  );
  return lists.flat();
}

/** Asks for a checkpoint file. @throws UserError when it is none of a pre-training */
export async function pickCheckpointFile(): Promise<CheckpointItem | null> {
  const filters = { Checkpoints: ['safetensors'] };
  const [chosen] = (await vscode.window.showOpenDialog({ title: 'Ask which checkpoint?', filters })) ?? [];
  if (!chosen) return null;
  const { metadata } = await readSafetensorsHeader(chosen.fsPath);
  if (metadata.kind !== 'pretrain')
    throw new UserError(`${chosen.fsPath}: is no checkpoint of a pre-training; choose a step-….safetensors of one`);
  const run = metadata.name ?? runLabel(basename(chosen.fsPath));
  return { file: chosen.fsPath, run, step: Number(metadata.step) };
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
export class NetworkQuestions {
  private readonly server: ToolServer;
  private readonly locating = new Latest();
  private readonly predicting = new Latest();
  private device = 'auto';

  constructor(
    private readonly scenes: Pick<ThreadClient<Scenes>, 'call'>,
    program: () => Promise<Program>,
  ) {
    this.server = new ToolServer(program, () => ['locate', '--serve', '--device', this.device]);
  }

  /** Null when it was cancelled, or another one was asked. */
  locate(
    { checkpoint, positions }: LocateCall,
    onProgress: (progress: Progress) => void,
  ): Promise<LocateReport | null> {
    return this.locating.run(async (signal) => {
      const scene = await this.scenes.call('scene');
      this.device = chosenDevice() ?? scene.config.device;
      const request = { checkpoint, ...scene, positions, seed: SEED };
      return (await this.server.call('locate', request, { signal, onProgress })) as LocateReport;
    });
  }

  predict({ checkpoint, ...request }: PredictCall): Promise<CropPrediction | null> {
    return this.predicting.run(async (signal) => {
      const step = await this.scenes.call('step', request);
      this.device = chosenDevice() ?? step.config.device;
      const { predicted, baseSimilarity } = (await this.server.call(
        'predict',
        { checkpoint, ...step },
        { signal },
      )) as Predictions;
      const { kind, index } = request.choice;
      return { predicted: kind === 'random' ? predicted[Math.min(index, predicted.length - 1)]! : [], baseSimilarity };
    });
  }

  cancel(): null {
    this.locating.cancel();
    return null;
  }

  dispose(): void {
    this.locating.cancel();
    this.predicting.cancel();
    this.server.dispose();
  }
}
