import { loadConfig, overrideConfig, type FinetuneConfig } from '../config';
import { configOfCheckpoint } from '../config/ofCheckpoint';
import { UserError } from '../errors/userError';
import { readSafetensorsHeader } from '../runs';
import { refuseFolder } from '../runs/refuseFolder';

interface FinetunedFile {
  /** Weights of a fine-tuned network. */
  readonly file: string;
  /** The fine-tuning config, for weights that do not carry it. */
  readonly configFile?: string | undefined;
  /** `path=value` overrides of the config. */
  readonly set?: readonly string[] | undefined;
  /** What is said of a checkpoint that is of a pre-training: why not, and what to do. */
  readonly pretrained: string;
}

/**
 * The config of a fine-tuned network: the one that is named, else the one that the checkpoint carries.
 *
 * @throws UserError where the file does not tell its network
 */
export async function configOfFinetuned(request: FinetunedFile): Promise<FinetuneConfig> {
  const { file, configFile, set = [], pretrained } = request;
  if (configFile) return (await loadConfig(configFile, { kind: 'finetune', set })).config;
  await refuseFolder(file);
  const { metadata } = await readSafetensorsHeader(file);
  if (metadata.kind === 'pretrain') throw new UserError(`${file}: is a pre-training checkpoint${pretrained}`);
  if (metadata.kind !== 'finetune' || metadata.config === undefined)
    throw new UserError(`${file}: does not describe its network and classes; add --config CONFIG`);
  return overrideConfig(configOfCheckpoint(file, metadata, 'finetune'), set);
}
