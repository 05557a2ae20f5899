import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors/userError';
import * as tf from '../tf';
import { setBackend } from './cpu';
import { missingLibraries, thisHost, type LibraryHost } from './cudaLibraries';
import { packageRoot } from './onednn/addon';
import type { Device, DeviceStatus } from './types';

const PACKAGE = '@tensorflow/tfjs-node-gpu';
const BACKEND = 'tensorflow';
/** From this version on, Node lacks functions that tfjs-node 4.22 calls. */
const FIRST_UNSUPPORTED_NODE = 23;

type Host = Pick<NodeJS.Process, 'platform' | 'arch' | 'versions'>;
export type CudaLoaded = { ok: true; description: string } | { ok: false; reason: string };

/** Why tfjs-node-gpu cannot work in this process, even if it is installed. */
export function unsupportedHost(host: Host = process): string | undefined {
  if (host.platform !== 'linux' && host.platform !== 'win32') return `tfjs-node-gpu needs Linux or Windows, not ${host.platform}`; // prettier-ignore
  if (host.arch !== 'x64') return `tfjs-node-gpu needs an x64 processor, not ${host.arch}`;
  if (host.versions.electron)
    return 'tfjs-node-gpu does not run in VS Code’s own Node: set voco.nodePath to a Node 20 or 22';
  if (parseInt(host.versions.node, 10) >= FIRST_UNSUPPORTED_NODE) {
    return `tfjs-node-gpu ${tf.version_core} does not run on Node ${host.versions.node}: use Node 20 or 22`;
  }
  return undefined;
}

/**
 * Loads tfjs-node-gpu from the first folder that has it. It shares the engine of our own copy of tfjs-core, which is why
 * the versions must agree.
 *
 * @param folders where it may be installed: the extension's folder, the workspace.
 * @param libraries where CUDA's and cuDNN's may be
 */
export function loadCuda(folders: string[], host: Host = process, libraries: LibraryHost = thisHost()): CudaLoaded {
  const unsupported = unsupportedHost(host);
  if (unsupported) return { ok: false, reason: unsupported };
  for (const folder of folders) {
    const require = createRequire(join(folder, 'package.json'));
    let version: string;
    let home: string;
    try {
      const manifest = `${PACKAGE}/package.json`;
      version = (require(manifest) as { version: string }).version;
      home = dirname(require.resolve(manifest));
    } catch {
      continue;
    }
    if (version !== tf.version_core) {
      return {
        ok: false,
        reason: `${PACKAGE} ${version} is installed in ${folder}: version ${tf.version_core} is needed`,
      };
    }
    const missing = missingLibraries(join(home, 'deps/lib'), libraries);
    return missing ? { ok: false, reason: missing } : start(require, folder);
  }
  return {
    ok: false,
    reason: `${PACKAGE} is not installed: npm install ${PACKAGE}@${tf.version_core} (needs CUDA 11 and cuDNN 8, Node 20 or 22)`,
  };
}

function start(require: NodeJS.Require, folder: string): CudaLoaded {
  try {
    require(PACKAGE);
    const backend = tf.findBackend(BACKEND) as { isUsingGpuDevice?: boolean } | null;
    if (!backend) return { ok: false, reason: `${PACKAGE} in ${folder} did not register its backend` };
    if (!backend.isUsingGpuDevice) {
      return {
        ok: false,
        reason: 'libtensorflow found no GPU that it can use: check nvidia-smi and CUDA_VISIBLE_DEVICES',
      };
    }
    return { ok: true, description: `libtensorflow on CUDA (${PACKAGE} ${tf.version_core})` };
  } catch (error) {
    const message = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
    return { ok: false, reason: `${PACKAGE} in ${folder} cannot be loaded: ${message}` };
  }
}

const installed = (): CudaLoaded => loadCuda([packageRoot() ?? process.cwd(), process.cwd()]);

/** tfjs on libtensorflow, where the user has installed it. */
export const cuda: Device = {
  async list() {
    const loaded = installed();
    const common = { name: 'cuda', precisions: ['float32'], automatic: true } satisfies Partial<DeviceStatus>;
    return [
      {
        ...common,
        usable: loaded.ok,
        ...(loaded.ok ? { description: loaded.description } : { reason: loaded.reason }),
      },
    ];
  },
  async use() {
    const loaded = installed();
    if (!loaded.ok) throw new UserError(`device cuda: ${loaded.reason}`);
    await setBackend(BACKEND);
    return { name: 'cuda', backend: BACKEND, description: loaded.description };
  },
};
