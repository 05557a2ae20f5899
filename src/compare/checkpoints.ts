import { statedConfig } from '../config/ofCheckpoint';
import { downstreamFor } from '../downstream/descriptors';
import { realpath } from 'node:fs/promises';
import { resolveTask, type Config } from '../config';
import { check } from '../config/diagnose';
import { fileError, UsageError } from '../errors/userError';
import { importCommand } from '../files/weightFiles';
import type { Ability, ComparedCheckpoint } from '../protocol/comparison';
import { decodeMetrics } from '../runs';
import { withWeights, type Branch } from '../runs/import';
import { originFacts, runOfCheckpoint } from '../runs/describeCheckpoint';

export const MOST_CHECKPOINTS = 4;

/** A weights file, as described by its metadata. */
export interface OpenedCheckpoint {
  readonly file: string;
  readonly checkpoint: ComparedCheckpoint;
  /** The config as written in the file. */
  readonly stated: Readonly<Record<string, unknown>> | undefined;
  /** The same with every default filled in; undefined if this version does not know such a config. */
  readonly config: Config | undefined;
}

/** The files themselves, without links. @throws UserError naming one that is not there; UsageError for one named twice */
export async function resolveFiles(files: readonly string[], least: number): Promise<string[]> {
  if (files.length < least || files.length > MOST_CHECKPOINTS) {
    throw new UsageError(`voco compare: name ${least} to ${MOST_CHECKPOINTS} checkpoints, not ${files.length}`);
  }
  const real = files.map((file) =>
    realpath(file).catch((error: unknown) => {
      throw fileError(error, file, 'open the checkpoint');
    }),
  );
  const found = await Promise.all(real);
  const twice = found.findIndex((file, i) => found.indexOf(file) !== i);
  if (twice >= 0) throw new UsageError(`voco compare: ${files[twice]} is named twice`);
  return found;
}

/** Why no network can be built from a file; undefined when one can. */
function noNetwork(file: string, format: string, opened: Pick<OpenedCheckpoint, 'stated' | 'config'>) {
  if (format !== 'safetensors') return `${file}: is a PyTorch file; convert it first: ${importCommand(file)}`;
  if (!opened.stated) return `${file}: contains no config, so its network is unknown; name a checkpoint of a run`;
  if (!opened.config) return `${file}: this version of voco cannot read its config`;
  return undefined;
}

function abilities(
  file: string,
  format: string,
  opened: Pick<OpenedCheckpoint, 'stated' | 'config'>,
): ComparedCheckpoint['cannot'] {
  const reason = noNetwork(file, format, opened);
  if (reason !== undefined) return { predict: reason, locate: reason, features: reason };
  const config = opened.config!;
  const cannot: Partial<Record<Ability, string>> = {};
  if (config.kind === 'pretrain') {
    cannot.predict = `${file}: is a pre-training checkpoint and cannot segment; fine-tune it with voco finetune`;
  } else {
    cannot.locate = `${file}: is a fine-tuning checkpoint and has no projector; name a checkpoint of voco pretrain`;
    if (!downstreamFor(resolveTask(config.task).output).labelMaps)
      cannot.predict = `${file}: classifies whole volumes and cannot segment`;
  }
  return cannot;
}

async function describe(
  file: string,
  format: string,
  metadata: Readonly<Record<string, string>>,
): Promise<OpenedCheckpoint> {
  const run = await runOfCheckpoint(file);
  const step = metadata.step === undefined ? undefined : Number(metadata.step);
  const stated = statedConfig(metadata);
  const config = stated && check(stated).config;
  return {
    ...{ file, stated, config },
    checkpoint: {
      file,
      ...(run && { run: run.dir }),
      ...(metadata.kind !== undefined && { kind: metadata.kind }),
      ...(step !== undefined && Number.isSafeInteger(step) && { step }),
      facts: await originFacts(file, metadata),
      scores: decodeMetrics(metadata.metrics),
      ...(config?.kind === 'finetune' && { classes: resolveTask(config.task).classes }),
      cannot: abilities(file, format, { stated, config }),
    },
  };
}

/**
 * What is known of checkpoints without reading their weights.
 *
 * @param files real paths, see {@link resolveFiles}
 * @throws UserError naming a file that holds no weights, or none of the branch
 */
export async function openCheckpoints(
  files: readonly string[],
  branch?: Branch | undefined,
): Promise<OpenedCheckpoint[]> {
  const opened: OpenedCheckpoint[] = [];
  for (const file of files) {
    opened.push(await withWeights(file, branch, (_, { format, metadata }) => describe(file, format, metadata)));
  }
  return opened;
}
