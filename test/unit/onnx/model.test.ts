import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors/userError';
import { createSegmenter } from '../../../src/nets';
import { checkModel, OPSET, traceNetwork, weightsBeside, writeModel } from '../../../src/onnx';
import type { Graph } from '../../../src/onnx/graph';
import { Message } from '../../../src/onnx/protobuf';
import * as tf from '../../../src/tensor/tf';
import { Formula } from '../../support/formula';
import { filled, runOnnx } from '../../support/onnx';
import { temporaryFolder } from '../runs/support';

const facts = { producer: 'voco', version: '1.2', description: 'a test', metadata: { classes: '["liver"]', für: 'é' } };
const size = [32, 16, 16] as const;
const unet = () => filled(createSegmenter({ name: 'unet3d', featureSize: 4 }, 2, { seed: 0 }));
const swin = () => createSegmenter({ name: 'swin-unetr', featureSize: 12 }, 2, { seed: 0 });

let graph: Graph;
beforeAll(async () => {
  graph = await traceNetwork(unet, size);
});

const target = (): string => join(temporaryFolder(), 'network.onnx');

async function refused(file: string): Promise<string> {
  const error: unknown = await checkModel(file).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message.startsWith(`${file}: `)).toBe(true);
  return (error as UserError).message;
}

describe('the recorded graph', () => {
  test('has the state dict’s tensors under their names and in their shapes', async () => {
    const swinGraph = await traceNetwork(swin, [64, 32, 32]);
    const networks = [
      { network: { name: 'unet3d', featureSize: 4 }, traced: graph },
      { network: { name: 'swin-unetr', featureSize: 12 }, traced: swinGraph },
    ] as const;
    for (const { network, traced } of networks) {
      const { layout } = createSegmenter(network, 2, { seed: 0, describeOnly: true }).parameters;
      const parameters = layout.filter(({ name }) => !name.endsWith('relative_position_index'));
      const found = new Map(traced.initializers.map(({ name, dims }) => [name, dims]));
      expect(parameters.map(({ name }) => ({ name, shape: found.get(name) }))).toEqual(parameters);
    }
    // Windows are cut by reshapes: the graph does not grow with the volume, nor do its tables with the number of channels.
    const larger = await traceNetwork(swin, [96, 96, 96]);
    expect(larger.nodes.length - swinGraph.nodes.length).toBeLessThan(150);
    const bytes = (of: Graph): number =>
      of.initializers.reduce((sum, { dims }) => sum + 4 * dims.reduce((a, b) => a * b, 1), 0);
    expect(bytes(larger)).toBeLessThan(1.15 * bytes(swinGraph));
  });

  test('leaves no tensors and no backend behind', async () => {
    await tf.setBackend('cpu').catch(() => undefined);
    const before = tf.memory().numTensors;
    await traceNetwork(unet, size);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('of a forward pass that no kernel is known for is an error', async () => {
    const network = unet();
    const forward = (x: tf.Tensor5D): tf.Tensor => tf.cumsum(x, 1);
    const other = { inChannels: 1, parameters: network.parameters, forward, dispose: () => network.dispose() };
    await expect(traceNetwork(() => other, size)).rejects.toThrow(/Cumsum/);
  });
});

describe('the file', () => {
  test('reads back with what was written', async () => {
    const file = target();
    expect(await writeModel(file, graph, facts)).toEqual([file]);
    const summary = await checkModel(file);
    expect(summary).toMatchObject({ opset: OPSET, producer: 'voco', metadata: facts.metadata });
    expect([summary.inputs, summary.outputs]).toEqual([['image'], ['logits']]);
    expect(summary.operators).toMatchObject({ Conv: 19, ConvTranspose: 4, InstanceNormalization: 18, LeakyRelu: 18 });
    expect(Object.keys(summary.initializers)).toHaveLength(graph.initializers.length);
    expect(statSync(file).size - summary.weightBytes).toBeLessThan(20_000);
  });

  test('too large for one file has its weights beside it, and gives the same logits', async () => {
    const [one, two] = [target(), target()];
    await writeModel(one, graph, facts);
    expect(await writeModel(two, graph, facts, 100_000)).toEqual([two, weightsBeside(two)]);
    const [inside, beside] = [await checkModel(one), await checkModel(two)];
    expect(beside).toEqual(inside);
    expect(statSync(two).size).toBeLessThan(60_000);
    const shape = [1, 1, ...size] as const;
    const values = new Formula(0).image('onnx.x', shape);
    const [a, b] = [await runOnnx(one, values, shape), await runOnnx(two, values, shape)];
    expect(b.data).toEqual(a.data);
    const bytes = readFileSync(weightsBeside(two));
    writeFileSync(weightsBeside(two), bytes.subarray(0, bytes.length / 2));
    expect(await refused(two)).toMatch(/ends at byte \d+ of network\.onnx\.data, which has/);
  });

  test('cut anywhere is refused', async () => {
    const file = target();
    await writeModel(file, graph, facts);
    const bytes = readFileSync(file);
    for (let part = 1; part < 12; part++) {
      writeFileSync(file, bytes.subarray(0, Math.floor((bytes.length * part) / 12)));
      expect(await refused(file)).toMatch(/is not a valid ONNX file/);
    }
    writeFileSync(file, '');
    expect(await refused(file)).toMatch(/it has no graph/);
    expect(await refused(join(temporaryFolder(), 'none.onnx'))).toMatch(/no such file/);
  });

  test.each([
    [
      'a node before what it takes',
      { nodes: (all: Graph['nodes']) => [...all].reverse() },
      /takes ".*", which nothing/,
    ],
    ['an output that nothing makes', { nodes: (all: Graph['nodes']) => all.slice(0, -1) }, /nothing makes .*"logits"/],
    ['a value made twice', { nodes: (all: Graph['nodes']) => [all[0]!, ...all] }, /is made twice/],
  ])('with %s is refused', async (_what, change, message) => {
    const file = target();
    await writeModel(file, { ...graph, nodes: change.nodes(graph.nodes) }, facts);
    expect(await refused(file)).toMatch(message);
  });

  test('with weights that are not used, or not as many as their shape says, is refused', async () => {
    const file = target();
    const spare = { name: 'spare', type: 'float', dims: [2], bytes: () => new Uint8Array(8) } as const;
    await writeModel(file, { ...graph, initializers: [...graph.initializers, spare] }, facts);
    expect(await refused(file)).toMatch(/nothing uses "spare"/);
    const short = new Message().int(1, 3).int(2, 1).text(8, 'w').bytes(9, new Uint8Array(8));
    const body = new Message().message(5, short).message(12, new Message().text(1, 'w'));
    const handle = await open(file, 'w');
    await new Message().message(7, body).writeTo(handle);
    await handle.close();
    expect(await refused(file)).toMatch(/w has 8 bytes and its shape \[3\] needs 12/);
  });

  test('of which a chunk has another length than it said is not written', async () => {
    const wrong = { ...graph.initializers[0]!, bytes: () => new Uint8Array(3) };
    const file = target();
    const writing = writeModel(file, { ...graph, initializers: [wrong] }, facts);
    await expect(writing).rejects.toThrow(/has 3/);
    expect(() => statSync(file)).toThrow();
  });
});
