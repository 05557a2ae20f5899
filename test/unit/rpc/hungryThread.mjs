// A thread for threads.test.ts: asks for more memory than an array may have.
import { parentPort } from 'node:worker_threads';

parentPort.on('message', () => new Float64Array(2 ** 50));
