import type { Readable, Writable } from 'node:stream';
import { useDevice } from '../tensor/backends';
import type { PretrainConfig } from '../config';
import type { LocateCalls } from '../protocol/locate';
import type { Methods } from '../rpc';
import { serveLines } from '../rpc/lines';
import { Locator } from './locator';

/** Serves {@link Locator} to another program by lines of JSON ({@link LocateCalls}), until `input` ends. */
export async function serveInspector(device: string, input: Readable, output: Writable): Promise<void> {
  const locator = new Locator();
  let ready: Promise<unknown> | undefined;
  const onDevice = async <T>(work: () => Promise<T>): Promise<T> => {
    await (ready ??= useDevice(device, {}));
    return work();
  };
  const methods: Methods<LocateCalls<PretrainConfig>> = {
    locate: (request, context) => onDevice(() => locator.locate(request, context)),
    predict: (request, context) => onDevice(() => locator.predict(request, context)),
  };
  await serveLines<LocateCalls<PretrainConfig>>(methods, input, output);
}
