// The thread that holds one volume and answers for it (volume/client.ts starts it).
import { parentPort, workerData, type MessagePort, type TransferListItem } from 'node:worker_threads';
import { UserError } from '../../errors/userError';
import type { ThreadAnswer, ThreadCall } from '../../protocol/thread';
import { VolumeService } from './volume/service';

/** Buffers of the voxels in an answer: they are moved to the other thread, not copied. */
function buffersIn(value: unknown): TransferListItem[] {
  const parts = Array.isArray(value) ? value : [value];
  return parts.flatMap((part: { data?: unknown } | undefined) =>
    ArrayBuffer.isView(part?.data) ? [part.data.buffer as ArrayBuffer] : [],
  );
}

function serve(port: MessagePort, service: VolumeService): void {
  const methods: Record<string, (...params: never[]) => Promise<unknown>> = {
    header: service.header.bind(service),
    load: service.load.bind(service),
    slices: service.slices.bind(service),
    reduced: service.reduced.bind(service),
  };
  const answer = (message: ThreadAnswer, move: TransferListItem[] = []): void => port.postMessage(message, move);
  port.on('message', ({ id, method, params }: ThreadCall) => {
    methods[method]!(...(params as never[])).then(
      (value) => answer({ id, ok: true, value }, buffersIn(value)),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        answer({ id, ok: false, error: { message, user: error instanceof UserError } });
      },
    );
  });
}

if (parentPort) serve(parentPort, new VolumeService((workerData as { file: string }).file));
