import { stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openRegular } from '../files/regular';
import { fileError } from '../errors/userError';
import { ELEMENTS } from './graph';
import { MessageReader, type Field } from './read';

/** What is in an ONNX file. */
export interface ModelSummary {
  readonly opset: number;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Nodes by operator. */
  readonly operators: Readonly<Record<string, number>>;
  /** Shapes by name. */
  readonly initializers: Readonly<Record<string, readonly number[]>>;
  /** Bytes of all initializers. */
  readonly weightBytes: number;
}

interface TensorFacts {
  name: string;
  dims: number[];
  code: number;
  bytes: number;
  outside: Record<string, string>;
}

/** Sizes of the files beside the model, each asked for once. */
type Beside = Map<string, Promise<number>>;

async function readPair(reader: MessageReader, { start, end }: Field): Promise<[string, string]> {
  const found = ['', ''];
  for await (const part of reader.fields(start, end)) found[part.field - 1] = await reader.text(part);
  return found as [string, string];
}

async function readTensor(reader: MessageReader, { start, end }: Field): Promise<TensorFacts> {
  const facts: TensorFacts = { name: '', dims: [], code: 0, bytes: -1, outside: {} };
  for await (const part of reader.fields(start, end)) {
    if (part.field === 1) facts.dims.push(Number(part.value));
    if (part.field === 2) facts.code = Number(part.value);
    if (part.field === 8) facts.name = await reader.text(part);
    if (part.field === 9) facts.bytes = part.end - part.start;
    if (part.field !== 13) continue;
    const [key, value] = await readPair(reader, part);
    facts.outside[key] = value;
  }
  return facts;
}

/** Holds an initializer's bytes against its shape. @returns how many there are */
async function checkTensor(reader: MessageReader, facts: TensorFacts, beside: Beside): Promise<number> {
  const { name, dims, code, outside } = facts;
  const element = Object.values(ELEMENTS).find((one) => one.code === code);
  if (!element) reader.fail(`${name} is of the unknown type ${code}`);
  const wanted = dims.reduce((product, size) => product * size, element.bytes);
  const { location } = outside;
  const found = location === undefined ? facts.bytes : Number(outside.length);
  if (found !== wanted) reader.fail(`${name} has ${found} bytes and its shape [${dims.join(', ')}] needs ${wanted}`);
  if (location === undefined) return found;
  if (location !== basename(location)) reader.fail(`${name} is in another folder: ${location}`);
  const file = join(dirname(reader.file), location);
  const size = beside.get(location) ?? stat(file).then((status) => status.size);
  beside.set(location, size);
  const end = Number(outside.offset) + found;
  if (end > (await size)) reader.fail(`${name} ends at byte ${end} of ${location}, which has ${await size}`);
  return found;
}

async function readNode(reader: MessageReader, { start, end }: Field) {
  const node = { op: '', name: '', inputs: [] as string[], outputs: [] as string[] };
  for await (const part of reader.fields(start, end)) {
    if (part.field === 1) node.inputs.push(await reader.text(part));
    if (part.field === 2) node.outputs.push(await reader.text(part));
    if (part.field === 3) node.name = await reader.text(part);
    if (part.field === 4) node.op = await reader.text(part);
  }
  return node;
}

async function readPort(reader: MessageReader, { start, end }: Field): Promise<string> {
  for await (const part of reader.fields(start, end)) if (part.field === 1) return reader.text(part);
  return reader.fail('an input or output has no name');
}

type Node = Awaited<ReturnType<typeof readNode>>;
interface GraphFacts {
  nodes: Node[];
  tensors: TensorFacts[];
  inputs: string[];
  outputs: string[];
}

async function readGraph(reader: MessageReader, { start, end }: Field): Promise<GraphFacts> {
  const graph: GraphFacts = { nodes: [], tensors: [], inputs: [], outputs: [] };
  for await (const part of reader.fields(start, end)) {
    if (part.field === 1) graph.nodes.push(await readNode(reader, part));
    if (part.field === 5) graph.tensors.push(await readTensor(reader, part));
    if (part.field === 11) graph.inputs.push(await readPort(reader, part));
    if (part.field === 12) graph.outputs.push(await readPort(reader, part));
  }
  return graph;
}

/** Every value is made once, before it is used, and every output is made. */
function checkOrder(reader: MessageReader, { nodes, tensors, inputs, outputs }: GraphFacts): void {
  const known = new Set(inputs);
  const define = (name: string): void => {
    if (known.has(name)) reader.fail(`"${name}" is made twice`);
    known.add(name);
  };
  for (const { name } of tensors) define(name);
  for (const node of nodes) {
    const unknown = node.inputs.find((name) => !known.has(name));
    if (unknown !== undefined) reader.fail(`node ${node.name} takes "${unknown}", which nothing before it makes`);
    node.outputs.forEach(define);
  }
  const missing = outputs.find((name) => !known.has(name));
  if (missing !== undefined) reader.fail(`nothing makes the output "${missing}"`);
  const used = new Set([...nodes.flatMap((node) => node.inputs), ...outputs]);
  const idle = [...inputs, ...tensors.map(({ name }) => name)].find((name) => !used.has(name));
  if (idle !== undefined) reader.fail(`nothing uses "${idle}"`);
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

async function readOpset(reader: MessageReader, { start, end }: Field): Promise<number> {
  for await (const part of reader.fields(start, end)) if (part.field === 2) return Number(part.value);
  return 0;
}

async function readModel(reader: MessageReader): Promise<ModelSummary> {
  let [opset, producer] = [0, ''];
  let graph: GraphFacts | undefined;
  const metadata: Record<string, string> = {};
  for await (const part of reader.fields(0, reader.size)) {
    if (part.field === 2) producer = await reader.text(part);
    if (part.field === 7) graph = await readGraph(reader, part);
    if (part.field === 8) opset = await readOpset(reader, part);
    if (part.field !== 14) continue;
    const [key, value] = await readPair(reader, part);
    metadata[key] = value;
  }
  if (!graph) return reader.fail('it has no graph');
  checkOrder(reader, graph);
  const { nodes, tensors, inputs, outputs } = graph;
  const beside: Beside = new Map();
  let weightBytes = 0;
  for (const tensor of tensors) weightBytes += await checkTensor(reader, tensor, beside);
  const initializers = Object.fromEntries(tensors.map(({ name, dims }) => [name, dims]));
  const operators = countBy(nodes.map(({ op }) => op));
  return { opset, producer, metadata, inputs, outputs, operators, initializers, weightBytes };
}

/**
 * Reads an ONNX file back and checks its structure: every message and every tensor is as long as it says (those in a file
 * beside the model too), every value is made once and before it is used, and nothing is there in vain.
 *
 * @throws UserError naming the file and what is wrong with it
 */
export async function checkModel(file: string): Promise<ModelSummary> {
  let handle: FileHandle | undefined;
  try {
    handle = await openRegular(file);
    const { size } = await handle.stat();
    return await readModel(new MessageReader(handle, file, size));
  } catch (error) {
    throw fileError(error, file, 'read the file');
  } finally {
    await handle?.close();
  }
}
