import process from 'node:process';
import type { Readable, Writable } from 'node:stream';
import type { CompareCalls } from '../protocol/comparison';
import { useDevice } from '../tensor/backends';
import { serveCalls, type Watched } from '../rpc/serveCalls';
import { compareCheckpoints, type WeightMemory } from '.';
import { listCases } from './cases';
import { openCheckpoints, resolveFiles } from './checkpoints';
import { Comparer } from './comparer';

type Methods = {
  readonly [Name in keyof CompareCalls]: (
    params: CompareCalls[Name]['params'],
    watched: Watched,
  ) => Promise<CompareCalls[Name]['result']>;
};

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
  const methods: Methods = {
    compare: (params, watched) => compareCheckpoints(params, () => undefined, { ...watched, memory }),
    cases: async ({ files }) => listCases(await openCheckpoints(await resolveFiles(files, 1))),
    predict: (params, watched) => onDevice(() => comparer.predict(params, watched)),
    locate: (params, watched) => onDevice(() => comparer.locate(params, watched)),
    features: (params, watched) => onDevice(() => comparer.features(params, watched)),
  };
  await serveCalls(methods, input, output);
  comparer.dispose();
}
