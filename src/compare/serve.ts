import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import type { CompareCalls } from '../protocol/comparison';
import { useDevice } from '../tensor/backends';
import { compareCheckpoints, type WeightMemory } from '.';
import { listCases } from './cases';
import { openCheckpoints, resolveFiles } from './checkpoints';
import { Comparer } from './comparer';
import type { Methods } from '../rpc';
import { serveLines } from '../rpc/lines';

/** Answers {@link CompareCalls} to another program by lines of JSON until `input` ends. */
export async function serveComparison(device: string, input: Readable, output: Writable): Promise<void> {
  const warn = (text: string): void => void process.stderr.write(`${text}\n`);
  const comparer = new Comparer(warn);
  const memory: WeightMemory = new Map();
  let ready: Promise<unknown> | undefined;
  const onDevice = async <T>(work: () => Promise<T>): Promise<T> => {
    await (ready ??= useDevice(device, {}));
    return work();
  };
  const methods: Methods<CompareCalls> = {
    compare: (params, context) => compareCheckpoints(params, () => undefined, { ...context, memory }),
    cases: async ({ files }) => listCases(await openCheckpoints(await resolveFiles(files, 1))),
    predict: (params, context) => onDevice(() => comparer.predict(params, context)),
    locate: (params, context) => onDevice(() => comparer.locate(params, context)),
    features: (params, context) => onDevice(() => comparer.features(params, context)),
  };
  await serveLines<CompareCalls>(methods, input, output);
  comparer.dispose();
}
