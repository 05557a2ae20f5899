import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseJson } from '../files/json';
import { statedConfig } from '../config/ofCheckpoint';
import { UserError } from '../errors/userError';
import { networkText } from '../nets/descriptors';
import type { CheckpointDescription, NamedText, TensorStatistics } from '../protocol/checkpoint';
import { decodeMetrics } from './checkpoint';
import {
  alternativesText,
  besideText,
  openWeights,
  planWeights,
  refusedOf,
  type Plan,
  type SourceTensor,
  type WeightsSource,
} from './import';
import { readRunState, runLabel, type RunState } from './runDirectory';
import { DTYPE_BYTES, toFloat32, viewAs, type DType } from './safetensors';

/** The run directory that a checkpoint lies in, with its state; undefined for a file that lies elsewhere. */
export async function runOfCheckpoint(file: string): Promise<{ dir: string; state: RunState } | undefined> {
  const dir = dirname(dirname(resolve(file)));
  const state = await readRunState(dir).catch(() => undefined);
  return state && { dir, state };
}

interface Imported {
  readonly file?: string;
  readonly format?: string;
  readonly wrapper?: string;
  readonly branch?: string | null;
  readonly changes?: readonly string[];
}

function parsed<T>(text: string | undefined): T | undefined {
  try {
    return parseJson(text ?? '') as T;
  } catch {
    return undefined;
  }
}

function importedFrom(metadata: Readonly<Record<string, string>>): string | undefined {
  const origin = parsed<Imported>(metadata.imported);
  if (typeof origin?.file !== 'string') return undefined;
  const inside = origin.wrapper ? ` in “${origin.wrapper}”` : '';
  const branch = origin.branch ? `, the ${origin.branch}` : '';
  const changes = Array.isArray(origin.changes) && origin.changes.length > 0 ? `; ${origin.changes.join('; ')}` : '';
  return `${origin.file} (${origin.format ?? 'unknown format'}${inside}${branch}${changes})`;
}

/** What a checkpoint is and where it came from, as far as its metadata and its run tell. */
export async function originFacts(file: string, metadata: Readonly<Record<string, string>>): Promise<NamedText[]> {
  const run = await runOfCheckpoint(file);
  const config = statedConfig(metadata) as
    { name?: string; network?: unknown; init?: { checkpoint?: string | null } } | undefined;
  // The config is stated, not checked: older versions' are shown as well.
  const rows: [string, unknown][] = [
    ['Kind', metadata.kind ?? run?.state.kind],
    ['Experiment', config?.name ?? run?.state.name],
    ['Step', metadata.step && (run ? `${metadata.step} of ${run.state.totalSteps}` : metadata.step)],
    ['Network', networkText(config?.network)],
    ['Run', run && runLabel(run.dir)],
    ['Initialised from', run?.state.initFrom ?? config?.init?.checkpoint ?? undefined],
    ['Imported from', importedFrom(metadata)],
    ['Trained on', run?.state.device],
    ['Started', run?.state.started],
    ['Version', metadata.version ?? run?.state.versions?.voco],
  ];
  return rows.flatMap(([name, text]) => (typeof text === 'string' && text !== '' ? [{ name, text }] : []));
}

function layOut(name: string, text: string): NamedText {
  const value = /^[[{]/.test(text) ? parsed<unknown>(text) : undefined;
  return { name, text: value === undefined ? text : JSON.stringify(value, null, 2) };
}

function warningsOf(plan: Plan, source: WeightsSource): string[] {
  const { shared } = plan;
  const apart = besideText(plan.beside);
  const capital = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
  return [
    ...refusedOf(source).map(
      ({ name, where }) => `Refused, not loaded: ${name.slice(0, 80)} in “${where || 'the file'}”.`,
    ),
    ...alternativesText(plan.alternatives, (branch) => `voco import --branch ${branch}`).map(capital),
    ...(apart ? [`Beside the weights: ${apart}.`] : []),
    ...plan.skipped.map(({ name, reason }) => `Left out: ${name} (${reason}).`),
    ...(shared > 0 ? [`${shared} tensors share their numbers with another one.`] : []),
  ];
}

const bytesOf = (dtype: DType, shape: readonly number[]): number => shape.reduce((a, b) => a * b, DTYPE_BYTES[dtype]);

/** The tensors of the dict that holds the weights, under the names that they have in it. */
function rowsOf({ tensors }: WeightsSource, { wrapper }: Plan): SourceTensor[] {
  const start = wrapper === '' ? '' : `${wrapper}.`;
  return tensors
    .filter(({ name }) => name.startsWith(start))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(start.length) }));
}

/**
 * What is in a file of weights: names, shapes and texts, nothing of which is executed and no tensor of which is read.
 *
 * @throws UserError when it is missing, malformed, unsafe or without weights
 */
export async function describeCheckpoint(file: string): Promise<CheckpointDescription> {
  const source = await openWeights(file);
  try {
    const { metadata, format } = source;
    const plan = planWeights(source);
    const { size } = await stat(file);
    const known = [
      { name: 'Weights', text: plan.recognised?.text ?? '' },
      { name: 'Plan', text: source.plan ?? '' },
    ];
    const facts = [...(await originFacts(file, metadata)), ...known.filter(({ text }) => text !== '')];
    const shownFormat = plan.wrapper ? `${format}, weights in “${plan.wrapper}”` : format;
    return {
      ...{ file, bytes: size, format: shownFormat, usable: format === 'safetensors', facts },
      tensors: rowsOf(source, plan).map(({ name, dtype, shape }) => ({
        name,
        dtype,
        shape,
        bytes: bytesOf(dtype, shape),
      })),
      scores: decodeMetrics(metadata.metrics),
      metadata: Object.entries(metadata)
        .filter(([name]) => name !== 'metrics')
        .map(([name, text]) => layOut(name, text)),
      warnings: warningsOf(plan, source),
      ...(metadata.kind !== undefined && { kind: metadata.kind }),
    };
  } finally {
    await source.close();
  }
}

const BINS = 64;

/** Counts, moments and a histogram of numbers. */
export function statisticsOf(values: Float32Array): TensorStatistics {
  let [zeros, nan, infinite, sum, finite] = [0, 0, 0, 0, 0];
  let [minimum, maximum] = [Infinity, -Infinity];
  for (const value of values) {
    if (Number.isNaN(value)) nan += 1;
    else if (!Number.isFinite(value)) infinite += 1;
    else {
      finite += 1;
      sum += value;
      if (value === 0) zeros += 1;
      if (value < minimum) minimum = value;
      if (value > maximum) maximum = value;
    }
  }
  const mean = sum / finite;
  const bins = new Array<number>(BINS).fill(0);
  const scale = maximum > minimum ? BINS / (maximum - minimum) : 0;
  let squares = 0;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    squares += (value - mean) ** 2;
    const bin = Math.min(BINS - 1, Math.floor((value - minimum) * scale));
    bins[bin]! += 1;
  }
  const none = finite === 0;
  return {
    ...{ count: values.length, zeros, nan, infinite, mean, bins },
    minimum: none ? NaN : minimum,
    maximum: none ? NaN : maximum,
    deviation: Math.sqrt(squares / finite),
  };
}

/**
 * Statistics of one tensor of a file, read alone by its offset.
 *
 * @throws UserError when the file has no such tensor or it cannot be read
 */
export async function tensorStatistics(file: string, tensor: string): Promise<TensorStatistics> {
  const source = await openWeights(file);
  try {
    const found = rowsOf(source, planWeights(source)).find(({ name }) => name === tensor);
    if (!found) throw new UserError(`${file}: has no tensor named ${JSON.stringify(tensor)} any more`);
    return statisticsOf(toFloat32(found.dtype, viewAs(found.dtype, await found.read())));
  } finally {
    await source.close();
  }
}
