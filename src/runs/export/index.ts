import { basename, dirname, resolve } from 'node:path';
import { statedConfig } from '../../config/ofCheckpoint';
import { checkOutputs } from '../../files/outputs';
import { UserError } from '../../errors/userError';
import { knownNetwork } from '../../nets/descriptors';
import { pretextDescriptors, pretextOfConfig } from '../../pretext/descriptors';
import { writeFileAtomically } from '../../files/atomic';
import { decodeMetrics } from '../checkpoint';
import { torchFile, withWeights, type Branch, type ImportReport, type Planned, type SourceTensor } from '../import';
import { readResults } from '../results';
import { readRunState } from '../runDirectory';
import { writeSafetensors } from '../safetensors';
import { modelCard, withoutFolders, type CardFacts } from './card';
import { stateDictOf, writeTorchFile } from './torchFile';

export { modelCard, type CardFacts } from './card';
export { TorchStateDict, writeTorchFile, type TorchValue } from './torchFile';
/** Formats of exported weights. ONNX, which needs the network, is written elsewhere: see {@link exportWith}. */
export type WeightsFormat = 'pt' | 'safetensors';

export interface ExportBase {
  readonly file: string;
  readonly out: string;
  readonly branch?: Branch;
  /** Replaces the files to write where they are there. */
  readonly force?: boolean;
  /** Other files that are read or written. */
  readonly others?: { readonly inputs: readonly string[]; readonly outputs: readonly string[] };
  /** Counts the volumes of a checkpoint's config, where the caller can. */
  readonly countCases?: (config: unknown) => Promise<CardFacts['cases']>;
  /** How the exported file is used, where that is not as a state dict. */
  readonly use?: CardFacts['use'];
  /** The last layer is exported as well, which no other task takes over. */
  readonly whole?: boolean;
  /** What the caller knows of the weights and the file does not tell. */
  readonly metadata?: CardFacts['metadata'];
}

export interface ExportRequest extends ExportBase {
  readonly format: WeightsFormat;
}

export interface ExportReport {
  readonly file: string;
  readonly out: string;
  readonly card: string;
  readonly branch: Branch | null;
  readonly tensors: number;
  readonly parameters: number;
  readonly modules: ImportReport['modules'];
  /** Tensors of the file that are not exported: optimizer, other branch, projector. */
  readonly leftOut: number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** The tensors to export: of a pre-training, what a downstream task takes over. The authors' SSL_head files have the encoder alone. */
function exported({ tensors, report }: Planned, config: unknown, whole: boolean): readonly SourceTensor[] {
  if (report.branch === null) return tensors;
  // A file of the authors has no config; its heads are named as those of the default task.
  const { heads } = pretextOfConfig(config) ?? pretextDescriptors.all[0]!;
  const output = knownNetwork((config as { network?: unknown } | undefined)?.network)?.descriptor.stateDict.output;
  return tensors.filter(({ name }) => !heads.test(name) && (whole || !output?.test(name)));
}

/** What the run directory around a checkpoint adds to its card, where there is one. */
async function runFacts(file: string): Promise<Pick<CardFacts, 'versions' | 'results'>> {
  const runDir = dirname(dirname(resolve(file)));
  const state = await readRunState(runDir).catch(() => undefined);
  const results = state && (await readResults(runDir).catch(() => undefined));
  // Scores of another step of the run say nothing about this file.
  const own = results?.checkpoint !== undefined && basename(results.checkpoint) === basename(file);
  return { versions: state?.versions ?? {}, ...(own && { results }) };
}

/** A checkpoint's texts without the folders of this machine, which do not travel with the file. */
export function portableMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const config = statedConfig(metadata);
  return { ...metadata, ...(config && { config: JSON.stringify(withoutFolders(config)) }) };
}

/** Writes the tensors to export, and the texts of the checkpoint where the format holds any. */
type Write = (
  tensors: readonly SourceTensor[],
  metadata: Readonly<Record<string, string>>,
  planned: Planned,
) => Promise<void>;

const writeAs =
  ({ out, format }: ExportRequest): Write =>
  async (tensors, metadata) => {
    if (format === 'pt') return writeTorchFile(out, stateDictOf(tensors));
    const entries = tensors.map(({ name, dtype, shape, read }) => ({ name, dtype, shape, data: read }));
    await writeSafetensors(out, entries, { ...portableMetadata(metadata), format: 'pt' });
  };

/**
 * Writes a checkpoint's weights with MONAI's names, for PyTorch or as safetensors, and a model card beside them
 * (`<out>.md`). Of a pre-training checkpoint it is the encoder of one branch, in the flat layout of the authors' SSL_head
 * files; optimizer state is left out.
 *
 * @throws UsageError when `out` or the card is there already; UserError when the file cannot be read, has no weights, or `out`
 *   cannot be written
 */
export function exportWeights(request: ExportRequest): Promise<ExportReport> {
  return exportWith(request, writeAs(request));
}

/** Names that torch gives to the running statistics of norms. */
const RUNNING = /(^|\.)running_(mean|var)$/;

/** {@link exportWeights} in a format of the caller's. */
export async function exportWith(request: ExportBase, write: Write): Promise<ExportReport> {
  const { file, out, branch, use } = request;
  const card = `${out}.md`;
  const { inputs = [], outputs = [] } = request.others ?? {};
  await checkOutputs({ outputs: [out, card, ...outputs], inputs: [file, ...inputs], force: request.force });
  return withWeights(file, branch, async (planned, source) => {
    const metadata = { ...request.metadata, ...source.metadata };
    const config = statedConfig(metadata);
    if (source.format !== 'safetensors') throw torchFile(file);
    const tensors = exported(planned, config, request.whole === true);
    if (tensors.length === 0) throw new UserError(`${file}: has no weights of a network in it`);
    const kept = new Set(tensors.map(({ name }) => name.split('.')[0]!));
    const modules = Object.fromEntries(Object.entries(planned.report.modules).filter(([name]) => kept.has(name)));
    // Index buffers are part of the architecture, running statistics are measured: neither is a parameter.
    const learned = tensors.filter(({ name, dtype }) => /^(F|BF)/.test(dtype) && !RUNNING.test(name));
    const parameters = learned.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const facts: CardFacts = {
      ...{ file: basename(out), tensors: tensors.length, parameters, modules, metadata },
      branch: planned.report.branch,
      metrics: decodeMetrics(metadata.metrics),
      ...(await runFacts(file)),
      cases: config && (await request.countCases?.(config)),
      ...(use && { use }),
    };
    await write(tensors, metadata, planned);
    await writeFileAtomically(card, modelCard(facts));
    const { length } = source.tensors;
    const counts = { tensors: tensors.length, parameters, modules, leftOut: length - tensors.length };
    return { file, out, card, branch: planned.report.branch, ...counts };
  });
}
