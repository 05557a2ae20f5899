import { basename } from 'node:path';
import { writeAtomically } from '../files/atomic';
import { ELEMENTS, type Attribute, type Graph, type Initializer, type Node, type Port } from './graph';
import { contentOf, Message, writeAll, type Chunk } from './protobuf';

/** The version of ONNX's operators that the graphs use; LayerNormalization came with it. */
export const OPSET = 17;
/** The version of the file format that belongs to {@link OPSET}. */
const IR_VERSION = 8;
/** A protocol buffer may not be larger than 2 GB; graph, names and metadata need a part of it. */
const LARGEST_FILE = 2 ** 31 - 2 ** 26;
/** Weights beside the model begin at multiples of this, so that they can be mapped into memory. */
const PAGE = 4096;

const AttributeType = { float: 1, int: 2, text: 3, ints: 7 } as const;
const EXTERNAL = 1;

export interface ModelFacts {
  readonly producer: string;
  readonly version: string;
  readonly description: string;
  /** Free texts by name. */
  readonly metadata: Readonly<Record<string, string>>;
}

export const bytesIn = ({ type, dims }: Pick<Initializer, 'type' | 'dims'>): number =>
  dims.reduce((product, size) => product * size, ELEMENTS[type].bytes);

function attributeMessage(name: string, value: Attribute): Message {
  const message = new Message().text(1, name);
  if ('float' in value) return message.float(2, value.float).int(20, AttributeType.float);
  if ('text' in value) return message.text(4, value.text).int(20, AttributeType.text);
  if ('int' in value) return message.int(3, value.int).int(20, AttributeType.int);
  for (const item of value.ints) message.int(8, item);
  return message.int(20, AttributeType.ints);
}

function nodeMessage({ op, name, inputs, outputs, attributes }: Node): Message {
  const message = new Message();
  for (const input of inputs) message.text(1, input);
  for (const output of outputs) message.text(2, output);
  message.text(3, name).text(4, op);
  for (const [key, value] of Object.entries(attributes)) message.message(5, attributeMessage(key, value));
  return message;
}

function portMessage({ name, dims, description }: Port): Message {
  const shape = new Message();
  for (const size of dims) {
    const one = new Message();
    shape.message(1, typeof size === 'number' ? one.int(1, size) : one.text(2, size));
  }
  const tensor = new Message().int(1, ELEMENTS.float.code).message(2, shape);
  return new Message().text(1, name).message(2, new Message().message(1, tensor)).text(3, description);
}

const pair = (key: string, value: string): Message => new Message().text(1, key).text(2, value);

/** Where an initializer's bytes lie in the file beside the model. */
interface Place {
  readonly location: string;
  readonly offset: number;
}

function tensorMessage(tensor: Initializer, place?: Place): Message {
  const message = new Message();
  for (const size of tensor.dims) message.int(1, size);
  message.int(2, ELEMENTS[tensor.type].code).text(8, tensor.name);
  const length = bytesIn(tensor);
  if (!place) return message.bytes(9, { length, bytes: tensor.bytes });
  const { location, offset } = place;
  for (const [key, value] of Object.entries({ location, offset, length }))
    message.message(13, pair(key, String(value)));
  return message.int(14, EXTERNAL);
}

function modelMessage(graph: Graph, facts: ModelFacts, places: ReadonlyMap<Initializer, Place>): Message {
  const body = new Message();
  for (const node of graph.nodes) body.message(1, nodeMessage(node));
  body.text(2, graph.name);
  for (const tensor of graph.initializers) body.message(5, tensorMessage(tensor, places.get(tensor)));
  for (const input of graph.inputs) body.message(11, portMessage(input));
  for (const output of graph.outputs) body.message(12, portMessage(output));
  const model = new Message().int(1, IR_VERSION).text(2, facts.producer).text(3, facts.version);
  model.text(6, facts.description).message(7, body).message(8, new Message().text(1, '').int(2, OPSET));
  for (const [key, value] of Object.entries(facts.metadata)) model.message(14, pair(key, value));
  return model;
}

/** Lays out the large initializers one behind the other, each at the start of a page. */
function placesBeside(location: string, tensors: readonly Initializer[]): Map<Initializer, Place> {
  let offset = 0;
  const places = new Map<Initializer, Place>();
  for (const tensor of tensors) {
    if (bytesIn(tensor) < PAGE) continue;
    places.set(tensor, { location, offset });
    offset = Math.ceil((offset + bytesIn(tensor)) / PAGE) * PAGE;
  }
  return places;
}

async function writeBeside(file: string, places: ReadonlyMap<Initializer, Place>): Promise<void> {
  await writeAtomically(file, async (handle) => {
    let at = 0;
    for (const [tensor, { offset }] of places) {
      await writeAll(handle, new Uint8Array(offset - at));
      const chunk: Chunk = { length: bytesIn(tensor), bytes: tensor.bytes };
      await writeAll(handle, contentOf(chunk));
      at = offset + chunk.length;
    }
  });
}

/** The file of weights beside a model that is too large for one file. */
export const weightsBeside = (file: string): string => `${file}.data`;

/**
 * Writes a model as ONNX. Weights are in the file itself; of a model beyond 2 GB, which one file cannot hold, they go to
 * `<file>.data` beside it (ONNX's external data).
 *
 * @param largest for tests: weights of more bytes go beside
 * @returns the files written
 * @throws UserError when a file cannot be written
 */
export async function writeModel(
  file: string,
  graph: Graph,
  facts: ModelFacts,
  largest: number = LARGEST_FILE,
): Promise<string[]> {
  const beside = weightsBeside(file);
  const total = graph.initializers.reduce((sum, tensor) => sum + bytesIn(tensor), 0);
  const places = total > largest ? placesBeside(basename(beside), graph.initializers) : new Map<Initializer, Place>();
  await writeAtomically(file, async (handle) => {
    await modelMessage(graph, facts, places).writeTo(handle);
    // Just before the model appears: an interrupted export must not leave gigabytes of weights without their model.
    if (places.size > 0) await writeBeside(beside, places);
  });
  return places.size > 0 ? [file, beside] : [file];
}
