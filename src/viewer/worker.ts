// The thread that holds one volume and answers for it (client.ts starts it).
import { isMainThread, workerData, type TransferListItem } from 'node:worker_threads';
import { serveThread } from '../rpc/threadServer';
import { VolumeService } from './service';

/** Buffers of the voxels in an answer: they are moved to the other thread, not copied. */
function buffersIn(value: unknown): TransferListItem[] {
  const parts = Array.isArray(value) ? value : [value];
  return parts.flatMap((part: { data?: unknown } | undefined) =>
    ArrayBuffer.isView(part?.data) ? [part.data.buffer as ArrayBuffer] : [],
  );
}

if (!isMainThread) {
  const service = new VolumeService((workerData as { file: string }).file);
  serveThread(
    {
      header: service.header.bind(service),
      load: service.load.bind(service),
      glimpse: service.glimpse.bind(service),
      slices: service.slices.bind(service),
      reduced: service.reduced.bind(service),
      range: service.range.bind(service),
      thumbnail: service.thumbnail.bind(service),
    },
    buffersIn,
  );
}
