import type { Config } from '../config';
import type { CheckpointStart } from '../config/presets/from';
import { validConfig } from '../config/ofCheckpoint';
import { UserError } from '../errors/userError';
import type { Vec3 } from '../geometry';
import { describedSection, networkText } from '../nets/descriptors';
import { pretextOf } from '../pretext/descriptors';
import { planWeights } from '../runs/import';
import { formatSize, valueText } from '../text';
import { preparationOfFile } from './prepared';
import { openConverted } from './read';

/** What a fine-tuning from a checkpoint takes over, and lines that say so. */
export interface FoundStart {
  readonly start: CheckpointStart;
  readonly lines: readonly string[];
}

/** What passed through the network of a run. */
const sizeIn = (config: Config): Vec3 =>
  config.kind === 'pretrain' ? pretextOf(config.method).networkInput(config.method).size : config.crops.size;

function linesOf({ network, size, preprocess }: CheckpointStart, decoder: boolean): string[] {
  const { resize, ...keys } = preprocess ?? {};
  const resized = resize === undefined || resize === null ? [] : [`its volumes were resized to ${valueText(resize)}; the preset’s spacing stays`]; // prettier-ignore
  return [
    `network: ${networkText(network)}, ${decoder ? 'encoder and decoder' : 'the encoder alone'}`,
    ...(size ? [`crops: ${formatSize(size)}`] : ['crops: not known, as in the preset']),
    ...(preprocess ? [`data.preprocess: ${valueText(keys)}`] : ['preprocessing: not known, as in the preset']),
    ...resized,
  ];
}

/**
 * Reads of a checkpoint, or of imported weights, which network they are of and how their images were prepared.
 *
 * @throws UserError naming the file when it is no such file, or of no network that is known here
 */
export async function readStart(file: string): Promise<FoundStart> {
  const source = await openConverted(file);
  try {
    const config = validConfig(source.metadata);
    const { recognised, tensors } = planWeights(source, {});
    const section = config?.network ?? recognised?.section;
    if (!section) {
      const what = recognised ? `they are ${recognised.text}` : 'no network of this program has such tensors';
      throw new UserError(`${file}: a fine-tuning cannot start from these weights: ${what}`);
    }
    const { descriptor, section: network } = describedSection(section);
    const { encoder, output } = descriptor.stateDict;
    const prepared = config ? undefined : preparationOfFile(source.metadata);
    const names = descriptor.stateDict.names;
    const decoder = tensors.some(
      ({ name }) => (names?.test(name) ?? false) && !encoder.test(name) && !output.test(name),
    );
    const start = {
      checkpoint: file,
      network,
      size: config ? sizeIn(config) : prepared?.size,
      preprocess: config?.data.preprocess ?? prepared?.preprocess,
    };
    return { start, lines: [...linesOf(start, decoder), ...(prepared?.notes ?? [])] };
  } finally {
    await source.close();
  }
}
