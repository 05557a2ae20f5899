import type { Config, FinetuneConfig } from '../config';
import { checkWeights, initializeFrom } from '../convert/initialize';
import { warnOfOverwriting } from '../convert/overwriting';
import { openConverted } from '../convert/read';
import { UserError } from '../errors/userError';
import {
  describeInit,
  readCheckpoint,
  readInitReport,
  readSafetensorsHeader,
  runFiles,
  writeInitReport,
} from '../runs';
import type { Watched } from '../rpc/breath';
import type { Batch, ParameterGroup, TrainedModel, TrainingTask, Transferable } from '../tasks';
import type { Running } from './job';
import { restore } from './state';
import type { Say } from './types';

/** What stands before the names of the trained network in a checkpoint of a pre-training. */
const STUDENTS = ['student.', 'backbone.'];

/** The checkpoint that a new run starts from, or null. */
export const startingPoint = (config: Config): string | null =>
  config.kind === 'pretrain' ? config.train.initFrom : config.init.checkpoint;

/** Checks that weights are in a file that can be read. @throws UserError naming what it is instead */
export async function checkStartingFile(file: string): Promise<void> {
  await (await openConverted(file)).close();
}

/**
 * A pre-training takes over a whole checkpoint: its network must be this one. Heads are compared when they are built.
 *
 * @param layout the network's tensors, without the prefix that a branch has in checkpoints
 */
function checkWholeNetwork(
  file: string,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  layout: readonly { readonly name: string; readonly shape: readonly number[] }[],
): void {
  const shapeOf = (wanted: string): string | undefined =>
    STUDENTS.map((prefix) => tensors.get(prefix + wanted))
      .find((found) => found)
      ?.shape.join('×');
  for (const { name, shape } of layout) {
    const [found, own] = [shapeOf(name), shape.join('×')];
    if (found === own) continue;
    const what = found === undefined ? `${name} is not in it` : `${name} has shape ${found}, the network ${own}`;
    throw new UserError(
      `${file}: is a checkpoint of another network or task: ${what}; check the network section and method`,
    );
  }
}

/**
 * Checks the checkpoint that a new run is to start from, before anything is written.
 *
 * @returns for a fine-tuning, the names of weights that its network takes over as they are
 * @throws UserError when it cannot start the run: it is no such file, or of another network
 */
export async function checkStartingPoint(
  config: Config,
  task: Pick<TrainingTask, 'network'>,
): Promise<ReadonlySet<string> | undefined> {
  const file = startingPoint(config);
  if (file === null) return undefined;
  if (config.kind === 'finetune') {
    const { branch, parts, partial } = config.init;
    const { layout } = task.network(config, true).parameters;
    return checkWeights(file, layout, { branch, parts, partial, network: config.network });
  }
  const { metadata, tensors } = await readSafetensorsHeader(file);
  if (metadata.format === 'voco-checkpoint' && (metadata.kind ?? 'pretrain') === 'pretrain') {
    checkWholeNetwork(file, tensors, task.network(config, true).parameters.layout);
    return undefined;
  }
  throw new UserError(
    `${file}: is no checkpoint of voco pretrain, which train.initFrom needs; other weights start a fine-tuning: init.checkpoint`,
  );
}

/**
 * Which weights of a run that is resumed came from its checkpoint as they were there; undefined where nothing depends on it.
 *
 * @throws UserError where the run's report of its start is gone
 */
export async function carriedBefore(config: Config, runDir: string): Promise<ReadonlySet<string> | undefined> {
  if (config.kind !== 'finetune' || config.init.checkpoint === null) return undefined;
  const { name } = config.schedule.phases;
  if (name === 'default') return undefined;
  const report = await readInitReport(runDir);
  if (!report)
    throw new UserError(
      `${runFiles(runDir).init}: is missing or damaged; it says which weights came from the checkpoint, which schedule.phases ` +
        `"${name}" goes by: put a copy of it back`,
    );
  const adapted = new Set(report.adapted);
  return new Set(report.loaded.filter((one) => !adapted.has(one)));
}

/** The learning rate of a parameter at its highest, as a multiple of the schedule's; 0 where it is not trained. */
function rateIn(groups: readonly ParameterGroup[]): (name: string) => number {
  const rates = new Map(groups.flatMap(({ parameters, rate }) => parameters.map(({ name }) => [name, rate])));
  return (name) => rates.get(name) ?? 0;
}

/** Carries what fits of a pre-trained checkpoint over, and reports it. */
async function transfer(
  config: FinetuneConfig,
  checkpoint: string,
  { network, groups }: { readonly network: Transferable; readonly groups: readonly ParameterGroup[] },
  running: Running,
  say: Say,
): Promise<void> {
  const { optimizer } = config;
  const { branch, parts, kernelScale, partial, inputChannels } = config.init;
  const { network: section, data } = config;
  const options = { branch, parts, kernelScale, partial, inputChannels, network: section, preprocess: data.preprocess };
  const report = await initializeFrom(checkpoint, network.parameters, options);
  await writeInitReport(running.runDir, report);
  const lines = describeInit(report);
  if (optimizer.name === 'adamw') {
    const shareOf = rateIn(groups);
    const rateOf = (name: string): number => optimizer.lr * shareOf(name);
    const danger = await warnOfOverwriting(network.parameters, report.loaded, rateOf);
    if (danger) lines.push(danger);
  }
  lines.forEach(say);
  await running.recorder.log(lines.join('\n'));
}

/**
 * The first weights of a new run: random, those of a whole pre-training checkpoint, or what fits of one.
 *
 * @throws UserError when nothing of the checkpoint fits
 */
export async function initialize<B extends Batch>(
  config: Config,
  model: TrainedModel<B>,
  running: Running,
  say: Say,
  watched: Watched,
): Promise<void> {
  const file = startingPoint(config);
  if (file !== null) {
    if (config.kind === 'pretrain') restore(await readCheckpoint(file), file, model.weights, undefined);
    else if (model.transfer)
      await transfer(config, file, { network: model.transfer, groups: model.groups }, running, say);
  }
  await model.begin?.(watched);
}
