// A thread for threads.test.ts, which bundles it.
import { UserError } from '../../../src/errors/userError';
import { spread, type CallsOf } from '../../../src/rpc';
import { serveThread } from '../../../src/rpc/threads';

const methods = {
  twice: (value: number) => 2 * value,
  fail: (): never => {
    throw new UserError('scan.nii: is damaged', 2);
  },
  leave: (): never => process.exit(3),
  crash: (): number => {
    setImmediate(() => {
      throw new Error('a defect outside any call');
    });
    return 1;
  },
  fill: (array: Float32Array) => array.fill(7),
  never: () => new Promise<void>(() => undefined),
};

export type EchoCalls = CallsOf<typeof methods>;

const buffersIn = (value: unknown): ArrayBuffer[] => (ArrayBuffer.isView(value) ? [value.buffer as ArrayBuffer] : []);
serveThread<EchoCalls>(spread(methods), { buffersIn });
