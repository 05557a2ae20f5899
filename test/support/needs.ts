import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, test, type TestContext } from 'vitest';

/**
 * What a test needs that a machine may lack. Tests skip in no other way: the runner (test/run.mjs) tells the reason of each
 * skip and counts a skip without one as a failure.
 */
export interface Need {
  readonly present: boolean;
  /** Why the tests are skipped, as one clause: "python3-torch is not installed". */
  readonly missing: string;
}

type Body = () => unknown;
type TestBody = (context: TestContext) => unknown;

/**
 * Gives `test` and `describe` that run when the machine has what is needed, and else skip with the reason.
 *
 * @example needs(pythonWith('torch')).test('PyTorch loads it', () => {})
 * @example needs({ present: existsSync(file), missing: `the fixtures have no ${name}` }).describe('crops', () => {})
 */
export function needs({ present, missing }: Need) {
  const options = present ? {} : { skip: true, meta: { skipReason: missing } };
  return {
    test: (name: string, body: TestBody, timeout?: number) =>
      test(name, { ...options, ...(timeout === undefined ? {} : { timeout }) }, body),
    describe: (name: string, body: Body) => describe(name, options, body as () => void),
  };
}

/** Skips a test that has begun, for what only shows then: a file system that cannot be mounted. */
export function skipNow(context: TestContext, reason: string): never {
  Object.assign(context.task.meta, { skipReason: reason });
  return context.skip(reason);
}

declare module 'vitest' {
  interface TaskMeta {
    skipReason?: string;
  }
}

const runs = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

export interface PythonNeed extends Need {
  /** The interpreter; empty where there is none. */
  readonly python: string;
}

/**
 * A Python that imports all of these modules. Debian's packages (python3-torch) belong to Debian's own Python, which need not
 * be the `python3` on the path; VOCO_PYTHON names another to be tried first.
 */
export function pythonWith(...modules: string[]): PythonNeed {
  const imports = modules.length > 0 ? `import ${modules.join(', ')}` : '';
  const candidates = [process.env.VOCO_PYTHON, '/usr/bin/python3', 'python3'];
  const python = candidates.find((one) => one && runs(one, '-c', imports)) ?? '';
  const packages = modules.map((name) => `python3-${name}`).join(' and ') || 'python3';
  return { present: python !== '', python, missing: `no Python has ${packages} (Debian: apt-get install ${packages})` };
}

const root = join(import.meta.dirname, '../..');

/** Packages of PyPI that setup.mjs installs for the tests. */
export const pythonPackages = join(root, 'node_modules/.cache/voco-python');

/** PyTorch, and nnU-Net's networks for it. */
export function nnUnetNetworks(): PythonNeed {
  const torch = pythonWith('numpy', 'torch');
  const present = existsSync(join(pythonPackages, 'dynamic_network_architectures'));
  if (!torch.present || present) return torch;
  return { ...torch, present, missing: 'dynamic-network-architectures is not installed (node setup.mjs --tests)' };
}
const headers = ['/usr/include', '/usr/local/include'].map((folder) => join(folder, 'oneapi/dnnl/dnnl.hpp'));

/**
 * The native engine: built, or such that it could be. A machine that has a compiler and oneDNN and on which the engine does
 * not load lacks nothing, so the tests run and fail.
 */
export function nativeEngine(): Need {
  const built = existsSync(join(root, 'native/build/Release/voco_onednn.node'));
  const buildable = headers.some(existsSync) && ['g++', 'make'].every((program) => runs(program, '--version'));
  return { present: built || buildable, missing: 'the machine has no compiler (g++, make) or no oneDNN (libdnnl-dev)' };
}

/** Pipes, sockets and permissions as POSIX has them. */
export const posix: Need = {
  present: process.platform !== 'win32',
  missing: 'Windows has no POSIX files and permissions',
};

export const linux: Need = { present: process.platform === 'linux', missing: 'only Linux has /proc' };

/** The program as it is delivered. The test command builds it first. */
export const builtProgram: Need = {
  present: existsSync(join(import.meta.dirname, '../../dist/voco.cjs')),
  missing: 'dist/voco.cjs is not built',
};
