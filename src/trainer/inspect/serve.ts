import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { UserError } from '../../errors/userError';
import type { InspectMessage, InspectReply } from '../../protocol/locate';
import type { ThreadCall } from '../../protocol/thread';
import { useDevice } from '../../tensor/backends';
import { Inspector, type InspectOptions, type LocateRequest, type PredictRequest } from './inspector';

/** Progress is told at most so often. */
const PROGRESS_MS = 100;

type Method = (request: never, options: InspectOptions) => Promise<unknown>;

/** Answers the calls of one program until its input ends. Calls run side by side, taking turns between crops. */
class InspectServer {
  private readonly running = new Map<number, AbortController>();
  private readonly inspector = new Inspector();
  private device?: Promise<unknown>;
  private readonly methods: Readonly<Record<string, Method>> = {
    locate: (request: LocateRequest, options) => this.inspector.locate(request, options),
    predict: (request: PredictRequest, options) => this.inspector.predict(request, options),
  };

  constructor(
    private readonly deviceSpec: string,
    private readonly send: (reply: InspectReply) => void,
  ) {}

  receive(message: InspectMessage): void {
    if ('cancel' in message) this.running.get(message.cancel)?.abort();
    else void this.answer(message);
  }

  private async answer({ id, method, params }: ThreadCall): Promise<void> {
    const controller = new AbortController();
    this.running.set(id, controller);
    let last = -Infinity;
    const onProgress = (done: number, total: number): void => {
      const now = performance.now();
      if (done < total && now - last < PROGRESS_MS) return;
      last = now;
      this.send({ id, progress: { done, total } });
    };
    try {
      this.device ??= useDevice(this.deviceSpec, {});
      await this.device;
      const value = await this.methods[method]!(params[0] as never, { signal: controller.signal, onProgress });
      this.send({ id, ok: true, value });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.send({ id, ok: false, error: { message, user: error instanceof UserError } });
    } finally {
      this.running.delete(id);
    }
  }
}

/** Serves {@link Inspector} to another program by lines of JSON (`src/protocol/locate.ts`), until `input` ends. */
export async function serveInspector(device: string, input: Readable, output: Writable): Promise<void> {
  const server = new InspectServer(device, (reply) => output.write(`${JSON.stringify(reply)}\n`));
  for await (const line of createInterface({ input })) server.receive(JSON.parse(line) as InspectMessage);
}
