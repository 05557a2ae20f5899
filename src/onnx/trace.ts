import type { Vec3 } from '../geometry';
import * as tf from '../tensor/tf';
import { BACKEND, recordingBackend } from './backend';
import type { Graph, Port } from './graph';
import { basicKernels } from './kernels/basic';
import { networkKernels } from './kernels/network';
import type { LoweringTable } from './lowering';
import { BATCH, Recording, Value } from './recording';

/** A network whose forward pass can be recorded. */
export interface Recordable {
  readonly inChannels: number;
  readonly parameters: { readonly tensors: readonly { readonly name: string; readonly variable: tf.Variable }[] };
  forward(x: tf.Tensor5D): tf.Tensor;
  dispose(): void;
}

/** What the graph's input and output are called. */
export const INPUT = 'image';
export const OUTPUT = 'logits';

function record(network: Recordable, size: Vec3, own: LoweringTable): { recording: Recording; output: Value } {
  const backend = recordingBackend([basicKernels, networkKernels, own]);
  const recording = new Recording();
  for (const { name, variable } of network.parameters.tensors) backend.name(variable, name);
  recording.graph.unique(INPUT);
  recording.graph.unique(OUTPUT);
  const image = recording.made([BATCH, ...size, network.inChannels], 'first', INPUT);
  backend.begin(recording);
  try {
    const input = tf.engine().makeTensorFromTensorInfo(backend.tensor(image)) as tf.Tensor5D;
    const logits = network.forward(input);
    const output = backend.lookUp(logits);
    tf.dispose([input, logits]);
    return { recording, output };
  } finally {
    backend.end();
  }
}

function graphOf({ recording, output }: ReturnType<typeof record>, network: Recordable, size: Vec3): Graph {
  const { graph } = recording;
  const { shape } = output;
  const spatial = shape.length === 5;
  const last = spatial ? recording.first(output) : recording.last(output);
  graph.nodes.push({ op: 'Identity', name: OUTPUT, inputs: [last], outputs: [OUTPUT], attributes: {} });
  const classes = shape.at(-1)!;
  const axes = 'batch, channels, x, y, z';
  const input: Port = {
    name: INPUT,
    dims: ['batch', network.inChannels, ...size],
    description: `preprocessed window: ${axes}`,
  };
  const result: Port = {
    name: OUTPUT,
    dims: ['batch', classes, ...(spatial ? size : [])],
    description: `logits: ${spatial ? axes : 'batch, classes'}`,
  };
  const { nodes, initializers } = graph;
  return { name: 'voco', nodes, initializers, inputs: [input], outputs: [result] };
}

/**
 * Records the forward pass of a network once, without computing it, as an ONNX graph: input `image` (N, C, X, Y, Z), output
 * `logits` (N, classes, X, Y, Z), or (N, classes) of a classifier, N left open. Initializers have the names and shapes of the
 * state dict. The tfjs backend in use stays what it is.
 *
 * @param build makes the network with its weights
 * @param size voxels of the window, which the graph is fixed to
 * @param own kernels that this network alone calls
 */
export async function traceNetwork(build: () => Recordable, size: Vec3, own: LoweringTable = {}): Promise<Graph> {
  const before = tf.engine().backendName;
  recordingBackend([basicKernels, networkKernels, own]);
  await tf.setBackend(BACKEND);
  try {
    const network = build();
    const graph = graphOf(record(network, size, own), network, size);
    network.dispose();
    return graph;
  } finally {
    if (before) await tf.setBackend(before);
  }
}
