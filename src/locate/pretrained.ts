import { resolve } from 'node:path';
import { configOfCheckpoint } from '../config/ofCheckpoint';
import { UserError } from '../errors/userError';
import { requireVoco, type VocoConfig } from '../pretext/voco/config';
import type { VocoModel } from '../pretext/voco/model';
import { buildModel } from '../pretext/voco/task';
import { readWeights } from '../convert/read';

/** A pre-trained network with its projector, as training left it. */
export interface Pretrained {
  readonly file: string;
  /** Optimizer steps done. */
  readonly step: number;
  /** The config of the run that wrote it. */
  readonly config: VocoConfig;
  /** On the device in use; the caller's to dispose. */
  readonly model: VocoModel;
}

function configOf(file: string, metadata: Readonly<Record<string, string>>): VocoConfig {
  if (metadata.kind === 'pretrain' && metadata.config !== undefined) {
    return requireVoco(configOfCheckpoint(file, metadata, 'pretrain'), file);
  }
  const what = metadata.kind === 'finetune' ? 'is of a fine-tuning, which has no projector' : 'is none';
  throw new UserError(`${file}: ${what}; name a checkpoint that voco pretrain wrote (checkpoints/step-….safetensors)`);
}

/**
 * Opens a pre-training checkpoint on the device in use.
 *
 * @throws UserError when the file cannot be read, is no pre-training checkpoint, or lacks a weight
 */
export async function openPretrained(checkpoint: string): Promise<Pretrained> {
  const file = resolve(checkpoint);
  const { entries, metadata } = await readWeights(file);
  const config = configOf(file, metadata);
  const model = buildModel(config);
  try {
    model.loadStateDict(entries, { strict: true, source: file });
  } catch (error) {
    model.dispose();
    throw error;
  }
  return { file, step: Number(metadata.step), config, model };
}
