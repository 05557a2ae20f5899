import { existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { defineConfig } from 'vitest/config';

const root = import.meta.dirname;
const names = ['core', 'core/dist/register_all_gradients', 'backend-cpu', 'backend-wasm', 'backend-webgpu'];
const entries = Object.fromEntries(names.map((name) => [name.replace(/\W+/g, '-'), `@tensorflow/tfjs-${name}`]));

/** tfjs is hundreds of small modules: bundled once, each test file starts in a tenth of the time. */
async function bundleTfjs(): Promise<Record<string, string>> {
  const out = join(root, 'node_modules/.cache/voco-tfjs-4.22.0');
  if (!existsSync(join(out, 'core.mjs'))) {
    await build({
      entryPoints: entries,
      outdir: out,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      outExtension: { '.js': '.mjs' },
      banner: {
        js: `import { createRequire as createRequireForTfjs } from 'node:module'; const require = createRequireForTfjs(import.meta.url); const __filename = import.meta.filename; const __dirname = import.meta.dirname;`,
      },
      logLevel: 'error',
    });
  }
  return Object.fromEntries(Object.entries(entries).map(([file, name]) => [name, join(out, `${file}.mjs`)]));
}

/** Without a Vulkan driver of its own, a machine that has Chromium can lend its software one to the webgpu tests. */
function lendSoftwareVulkan(): void {
  const folder = '/usr/lib/chromium';
  const driver = join(folder, 'vk_swiftshader_icd.json');
  const drivers = ['/etc/vulkan/icd.d', '/usr/share/vulkan/icd.d', driver];
  if (process.env.VK_DRIVER_FILES || drivers.find(existsSync) !== driver) return;
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES = driver;
  process.env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, folder].filter(Boolean).join(':');
}

export default defineConfig(async () => {
  lendSoftwareVulkan();
  const bundles = await bundleTfjs();
  return {
    resolve: {
      alias: [
        ...Object.entries(bundles).map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: file })),
        { find: /^vscode$/, replacement: join(root, 'test/support/vscode/index.ts') },
      ],
    },
    test: {
      globalSetup: 'test/support/nativeIsCurrent.ts',
      include: ['test/unit/**/*.test.ts', 'test/parity/**/*.test.ts', 'test/field/**/*.test.ts'],
      // Time only bounds what hangs: a busy machine is no reason to fail.
      testTimeout: 600_000,
      hookTimeout: 600_000,
      maxWorkers: 2,
      pool: 'forks' as const,
      // Tests leave no key in the home of who runs them.
      env: { VOCO_STATE_DIR: join(tmpdir(), `voco-test-state-${userInfo().username}`) },
    },
  };
});
