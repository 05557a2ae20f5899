import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors/userError';
import * as tf from '../tf';
import { packageRoot } from './onednn/addon';
import type { Device, DeviceStatus } from './types';

const processor = (): string => cpus()[0]?.model.trim() ?? 'unknown processor';

function status(name: string, description: string, problem?: string): DeviceStatus {
  return {
    name,
    usable: problem === undefined,
    reason: problem,
    description,
    memoryBytes: totalmem(),
    precisions: ['float32'],
    automatic: true,
  };
}

/** Makes a registered backend the current one. */
export async function setBackend(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new UserError(`device ${name}: tfjs could not start this backend`);
}

/** tfjs's plain JavaScript backend. */
export const cpu: Device = {
  async list() {
    return [status('cpu', `tfjs in plain JavaScript, one thread, for tests: ${processor()}`)];
  },
  async use() {
    await import('@tensorflow/tfjs-backend-cpu');
    await setBackend('cpu');
    return { name: 'cpu', backend: 'cpu', description: processor(), memoryBytes: totalmem(), threads: 1 };
  },
};

const BINARY = 'tfjs-backend-wasm-simd.wasm';
const WASM_FOLDERS = ['dist/wasm', 'node_modules/@tensorflow/tfjs-backend-wasm/dist'];

/** The folder with tfjs's WebAssembly files: beside the bundles, or in node_modules of a checkout. */
function wasmFolder(): string | undefined {
  const root = packageRoot();
  return WASM_FOLDERS.map((folder) => join(root ?? '', folder)).find((folder) => existsSync(join(folder, BINARY)));
}

const NO_WASM = `${BINARY} is missing from the installation: install the extension again, or run \`npm run setup\``;

/** tfjs's WebAssembly backend; one thread under Node. */
export const wasm: Device = {
  async list() {
    const description = `tfjs in WebAssembly (SIMD, one thread), slow: ${processor()}`;
    return [status('wasm', description, wasmFolder() ? undefined : NO_WASM)];
  },
  async use() {
    const folder = wasmFolder();
    if (!folder) throw new UserError(`device wasm: ${NO_WASM}`);
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    if (tf.findBackend('wasm') === null) setWasmPaths(join(folder, '/'));
    await setBackend('wasm');
    return { name: 'wasm', backend: 'wasm', description: processor(), memoryBytes: totalmem(), threads: 1 };
  },
};
