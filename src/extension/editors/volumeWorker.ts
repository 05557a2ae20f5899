// The thread that holds one volume and answers for it (volume/client.ts starts it).
import { parentPort, workerData, type MessagePort, type TransferListItem } from 'node:worker_threads';
import { toServiceError, type ServiceAnswer, type ServiceCall } from './volume/rpc';
import { VolumeService } from './volume/service';

/** Buffers of the voxels in an answer: they are moved to the other thread, not copied. */
function buffersIn(value: unknown): TransferListItem[] {
  const parts = Array.isArray(value) ? value : [value];
  return parts.flatMap((part: { data?: unknown } | undefined) =>
    ArrayBuffer.isView(part?.data) ? [part.data.buffer as ArrayBuffer] : [],
  );
}

function serve(port: MessagePort, service: VolumeService): void {
  const call = ({ method, params }: ServiceCall): Promise<unknown> =>
    (service[method] as (...values: readonly unknown[]) => Promise<unknown>).apply(service, [...params]);
  port.on('message', (request: ServiceCall) => {
    call(request).then(
      (value) => port.postMessage({ id: request.id, ok: true, value } satisfies ServiceAnswer, buffersIn(value)),
      (error: unknown) =>
        port.postMessage({ id: request.id, ok: false, error: toServiceError(error) } satisfies ServiceAnswer),
    );
  });
}

if (parentPort) serve(parentPort, new VolumeService((workerData as { file: string }).file));
