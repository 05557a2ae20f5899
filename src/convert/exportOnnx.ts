import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { resolveTask, type FinetuneConfig } from '../config';
import { loweringsOf, type StateEntry } from '../nets';
import { checkModel, INPUT, OPSET, OUTPUT, traceNetwork, weightsBeside, writeModel, type Recordable } from '../onnx';
import { exportWith, portableMetadata, type CardFacts, type ExportReport } from '../runs/export';
import type { TrainingTask } from '../tasks';
import { taskOf } from '../catalog';
import { version } from '../text/version';
import { countCases } from './exportFile';
import { configOfFinetuned } from './finetuned';
import { readWeights } from './read';

export interface OnnxRequest {
  readonly file: string;
  readonly out: string;
  /** The fine-tuning config, for weights that do not carry it. */
  readonly configFile?: string;
  /** Replaces the files to write where they are there. */
  readonly force?: boolean;
}

export interface OnnxReport extends ExportReport {
  readonly opset: number;
  /** Nodes of the graph. */
  readonly nodes: number;
  /** The model, and its weights beside it where one file cannot hold both. */
  readonly files: readonly string[];
}

function build(task: TrainingTask, config: FinetuneConfig, entries: readonly StateEntry[], file: string): Recordable {
  const network = task.network(config);
  network.checkSize(config.crops.size);
  network.parameters.loadStateDict(entries, { strict: true, source: file });
  const { inChannels, parameters } = network;
  const forward: Recordable['forward'] = (x) => {
    const logits = network.forward(x);
    if (Array.isArray(logits)) throw new Error('features at several scales are not exported as ONNX');
    return logits;
  };
  return { inChannels, parameters, forward, dispose: () => network.dispose() };
}

/** What each channel of the output is, in order: background is there for softmax only. */
function channelsOf(config: FinetuneConfig): { name: string; values: readonly number[] }[] {
  const { classes, output } = resolveTask(config.task);
  const named = classes.map(({ name, values }) => ({ name, values }));
  return output === 'softmax' ? [{ name: 'background', values: [0] }, ...named] : named;
}

const WINDOWS: Record<ReturnType<typeof resolveTask>['output'], string> = {
  softmax: 'Windows of the preprocessed volume; each voxel has the class with the largest logit.',
  sigmoid:
    'Windows of the preprocessed volume; a voxel has every class whose logit is above 0, so classes may overlap.',
  classification:
    'The whole preprocessed volume, resampled to the window; softmax gives the probability of each class.',
};

/** What a program has to know to use the network on an image, as texts in the model. */
function modelMetadata(config: FinetuneConfig, source: Readonly<Record<string, string>>): Record<string, string> {
  const { title, output } = resolveTask(config.task);
  const { overlap, mode, flips } = config.inference;
  const known = portableMetadata(source);
  const about = ['name', 'kind', 'step', 'version', 'config'].flatMap((key) =>
    known[key] === undefined ? [] : [[key, known[key]] as const],
  );
  return {
    task: title,
    output,
    classes: JSON.stringify(channelsOf(config)),
    window: JSON.stringify(config.crops.size),
    axes: 'image (N, C, X, Y, Z) and logits: X, Y, Z are the axes of the volume in the orientation of "preprocess", RAS for example',
    preprocess: JSON.stringify(config.data.preprocess),
    input: WINDOWS[output],
    ...(output !== 'classification' && { inference: JSON.stringify({ overlap, mode, flips }) }),
    ...Object.fromEntries(about),
  };
}

function useOf(out: string, config: FinetuneConfig, channels: number): CardFacts['use'] {
  const { output } = resolveTask(config.task);
  const size = config.crops.size.join(', ');
  const name = basename(out);
  return {
    text:
      `An ONNX model (opset ${OPSET}), input \`${INPUT}\` (N, ${channels}, ${size}), output \`${OUTPUT}\`. ${WINDOWS[output]} ` +
      'Preprocessing, classes and config are in the metadata of the model. A model beyond 2 GB has its weights in ' +
      `\`${weightsBeside(name)}\`, which must stay beside it.`,
    code: [
      'import onnxruntime',
      `session = onnxruntime.InferenceSession("${name}")`,
      'facts = session.get_modelmeta().custom_metadata_map  # "preprocess", "classes", …',
      `logits, = session.run(["${OUTPUT}"], {"${INPUT}": windows})  # float32`,
    ],
  };
}

/**
 * Writes a fine-tuned network as ONNX, its input fixed to the size of the config's windows, and a model card beside it. The
 * file is read back and its structure checked.
 *
 * @throws UserError naming the file when it is of no fine-tuned network, its weights do not fit, or `out` cannot be written
 */
export async function exportOnnx(request: OnnxRequest): Promise<OnnxReport> {
  const { file, out, configFile, force } = request;
  const pretrained =
    ', and only fine-tuned networks are exported as ONNX: fine-tune it with voco finetune, or export it as .pt';
  const config = await configOfFinetuned({ file, configFile, pretrained });
  const size = config.crops.size;
  const written = { nodes: 0, files: [out] };
  const use = useOf(out, config, config.network.inChannels);
  const known = { kind: 'finetune', config: JSON.stringify(config) };
  const others = { inputs: configFile ? [configFile] : [], outputs: [weightsBeside(out)] };
  const asked = { file, out, countCases, use, metadata: known, others, ...(force && { force }) };
  const report = await exportWith(asked, async (_, metadata) => {
    const { entries } = await readWeights(file);
    const task = await taskOf(config);
    const network = () => build(task, config, entries, file);
    const graph = await traceNetwork(network, size, loweringsOf(config.network));
    const facts = {
      ...{ producer: 'voco', version, description: resolveTask(config.task).title },
      metadata: modelMetadata(config, metadata),
    };
    written.files = await writeModel(out, graph, facts);
    written.nodes = graph.nodes.length;
    await checkModel(out).catch(async (error: unknown) => {
      for (const bad of written.files) await rm(bad, { force: true });
      throw error;
    });
  });
  return { ...report, opset: OPSET, ...written };
}
