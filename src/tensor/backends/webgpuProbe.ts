import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from './onednn/addon';

export interface Adapter {
  /** Dawn's name for it, which also selects it. */
  name: string;
  description: string;
  software: boolean;
  /** GPUs of this name: Dawn selects by name and gives the first of them. */
  copies: number;
  /** Shaders compute with 16-bit numbers. */
  float16: boolean;
  /** Largest buffer, which bounds the largest tensor. */
  maxBufferBytes: number;
}

export type Probe = { adapters: Adapter[]; reason?: undefined } | { adapters: []; reason: string };

/**
 * Runs in a process of its own: a driver may crash or hang, Dawn writes warnings to standard error where Vulkan is missing,
 * and once started it keeps a process alive.
 */
const SCRIPT = `
const { create, globals } = await import(process.argv[1]);
Object.assign(globalThis, globals);
const found = [];
try {
  await create(['adapter=\\u0001']).requestAdapter();
} catch (error) {
  found.push(...[...String(error).matchAll(/backend: '(.*)', name: '(.*)'/g)].map(([, backend, name]) => ({ backend, name })));
}
const adapters = [];
for (const name of new Set(found.map((one) => one.name))) {
  const adapter = await create(['adapter=' + name]).requestAdapter();
  if (!adapter) continue;
  const same = found.filter((one) => one.name === name);
  const copies = Math.max(...same.map(({ backend }) => same.filter((one) => one.backend === backend).length));
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  adapters.push({ name, description: [vendor, architecture, description || device].filter(Boolean).join(', '),
    fallback: Boolean(isFallbackAdapter), copies, float16: adapter.features.has('shader-f16'), maxBufferBytes: Math.min(adapter.limits.maxBufferSize, adapter.limits.maxStorageBufferBindingSize) });
}
process.stdout.write(JSON.stringify(adapters), () => process.exit(0));
`;

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|software/i;
const TIMEOUT = 30_000;

/** Where npm's `webgpu` is, as a URL to import: beside the bundle in a package, else among the project's modules. */
export function webgpuModule(): string | undefined {
  const root = packageRoot();
  if (!root) return undefined;
  for (const place of ['dist/voco.cjs', 'package.json']) {
    try {
      return pathToFileURL(createRequire(join(root, place)).resolve('webgpu')).href;
    } catch {
      // It may be in the other place.
    }
  }
  return undefined;
}

function noAdapter(): string {
  return process.platform === 'linux'
    ? 'no GPU adapter was found: install the Vulkan loader and the driver of your GPU (Debian: libvulkan1 and mesa-vulkan-drivers or nvidia-driver)'
    : 'no GPU adapter was found: install the driver of your GPU';
}

let probed: Promise<Probe> | undefined;

/** The WebGPU adapters of this machine, looked for once. */
export function probeAdapters(): Promise<Probe> {
  return (probed ??= probe());
}

async function probe(): Promise<Probe> {
  const module = webgpuModule();
  if (!module) return { adapters: [], reason: 'the npm package webgpu is not installed: run `npm run setup`' };
  if (process.versions.electron) {
    return {
      adapters: [],
      reason: 'it does not run in VS Code’s own Node: set voco.nodePath to a Node 20.15 or newer',
    };
  }
  return new Promise((resolve) => {
    const args = ['--input-type=module', '-e', SCRIPT, module];
    execFile(process.execPath, args, { timeout: TIMEOUT }, (error, stdout) => {
      if (error) {
        const lines = error.message.split('\n');
        const cause = error.killed
          ? 'the driver did not answer'
          : (lines.find((l) => l.includes('Error:')) ?? lines[0]!);
        resolve({ adapters: [], reason: `Dawn could not be started: ${cause.trim()}` });
        return;
      }
      const found = JSON.parse(stdout) as (Omit<Adapter, 'software'> & { fallback: boolean })[];
      const adapters = found.map(({ fallback, ...adapter }) => ({
        ...adapter,
        software: fallback || SOFTWARE.test(`${adapter.name} ${adapter.description}`),
      }));
      // Hardware first, so that `webgpu` without a number is a GPU wherever there is one.
      adapters.sort((a, b) => Number(a.software) - Number(b.software));
      resolve(adapters.length > 0 ? { adapters } : { adapters: [], reason: noAdapter() });
    });
  });
}
