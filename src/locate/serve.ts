import type { Readable, Writable } from 'node:stream';
import { useDevice } from '../tensor/backends';
import type { PretrainConfig } from '../config';
import type { LocateCalls } from '../protocol/locate';
import type { Methods } from '../rpc';
import { serveLines } from '../rpc/lines';
import { Inspector } from './inspector';

/** Serves {@link Inspector} to another program by lines of JSON ({@link LocateCalls}), until `input` ends. */
export async function serveInspector(device: string, input: Readable, output: Writable): Promise<void> {
  const inspector = new Inspector();
  let ready: Promise<unknown> | undefined;
  const onDevice = async <T>(work: () => Promise<T>): Promise<T> => {
    await (ready ??= useDevice(device, {}));
    return work();
  };
  const methods: Methods<LocateCalls<PretrainConfig>> = {
    locate: (request, context) => onDevice(() => inspector.locate(request, context)),
    predict: (request, context) => onDevice(() => inspector.predict(request, context)),
  };
  await serveLines<LocateCalls<PretrainConfig>>(methods, input, output);
}
