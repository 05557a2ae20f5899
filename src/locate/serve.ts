import type { Readable, Writable } from 'node:stream';
import { useDevice } from '../tensor/backends';
import { serveCalls } from '../rpc/serveCalls';
import { Inspector, type InspectOptions, type LocateRequest, type PredictRequest } from './inspector';

/** Serves {@link Inspector} to another program by lines of JSON (`src/protocol/locate.ts`), until `input` ends. */
export async function serveInspector(device: string, input: Readable, output: Writable): Promise<void> {
  const inspector = new Inspector();
  let ready: Promise<unknown> | undefined;
  const onDevice = async <T>(work: () => Promise<T>): Promise<T> => {
    await (ready ??= useDevice(device, {}));
    return work();
  };
  const methods = {
    locate: (request: LocateRequest, options: InspectOptions) => onDevice(() => inspector.locate(request, options)),
    predict: (request: PredictRequest, options: InspectOptions) => onDevice(() => inspector.predict(request, options)),
  };
  await serveCalls(methods, input, output);
}
