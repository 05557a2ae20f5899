// The thread that holds one volume and answers for it (client.ts starts it).
import { isMainThread, workerData } from 'node:worker_threads';
import { spread } from '../rpc';
import { serveThread } from '../rpc/threads';
import type { VolumeCalls } from './client';
import { VolumeService } from './service';

/** Buffers of the voxels in an answer: they are moved to the other thread, not copied. */
function buffersIn(value: unknown): ArrayBuffer[] {
  const parts = Array.isArray(value) ? value : [value];
  return parts.flatMap((part: { data?: unknown } | undefined) =>
    ArrayBuffer.isView(part?.data) ? [part.data.buffer as ArrayBuffer] : [],
  );
}

if (!isMainThread) {
  const service = new VolumeService((workerData as { file: string }).file);
  const methods = {
    header: service.header.bind(service),
    load: service.load.bind(service),
    glimpse: service.glimpse.bind(service),
    slices: service.slices.bind(service),
    reduced: service.reduced.bind(service),
    range: service.range.bind(service),
    thumbnail: service.thumbnail.bind(service),
  };
  serveThread<VolumeCalls>(spread(methods), { buffersIn });
}
