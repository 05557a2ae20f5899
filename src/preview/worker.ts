// The thread behind the preview of crops (src/extension/crops starts it).
import { parentPort, type MessagePort } from 'node:worker_threads';
import { UserError } from '../errors/userError';
import type { ThreadAnswer, ThreadCall } from '../protocol/thread';
import { CropPreviewer } from './preview';

function serve(port: MessagePort): void {
  const previewer = new CropPreviewer();
  const methods: Record<string, (...params: never[]) => unknown> = {
    preview: previewer.preview.bind(previewer),
    slice: previewer.slice.bind(previewer),
    crop: previewer.crop.bind(previewer),
    body: previewer.body.bind(previewer),
    scene: previewer.scene.bind(previewer),
    step: previewer.step.bind(previewer),
  };
  const answer = (message: ThreadAnswer): void => port.postMessage(message);
  port.on('message', ({ id, method, params }: ThreadCall) => {
    Promise.resolve()
      .then(() => methods[method]!(...(params as never[])))
      .then(
        (value) => answer({ id, ok: true, value }),
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          answer({ id, ok: false, error: { message, user: error instanceof UserError } });
        },
      );
  });
}

if (parentPort) serve(parentPort);
