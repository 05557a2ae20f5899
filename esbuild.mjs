// Bundles the three programs: `node esbuild.mjs [--watch] [--minify] [--only=name,…] [--outdir=DIR]`. Each entry is built when its source exists.
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { argv } from 'node:process';
import { build, context } from 'esbuild';

const watch = argv.includes('--watch');
const only = argv
  .find((argument) => argument.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');
const outdir = argv.find((argument) => argument.startsWith('--outdir='))?.slice('--outdir='.length) ?? 'dist';
const common = {
  bundle: true,
  outdir,
  target: 'es2022',
  sourcemap: 'linked',
  minify: argv.includes('--minify'),
  mainFields: ['module', 'main'],
  logLevel: 'warning',
};
/** Loaded from node_modules (or the workspace) at run time: native code, or an optional peer. */
const external = ['vscode', 'webgpu', '@tensorflow/tfjs-node-gpu', '*.node'];

/**
 * The readers of other formats than NIfTI are a bundle of their own, which is loaded when the first such file is met: no other
 * bundle gets larger by them.
 */
const formatsApart = {
  name: 'formats-apart',
  setup(plugin) {
    plugin.onResolve({ filter: /\/formats$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './formats.cjs', external: true } : undefined,
    );
  },
};

/** `new Buffer(size)` of this library, of which Node warns on every machine: the same by the function that took its place. */
const buffersBySize = {
  name: 'buffers-by-size',
  setup(plugin) {
    plugin.onLoad({ filter: /node_modules[\\/]seek-bzip[\\/].*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('new Buffer(', 'Buffer.alloc('),
    }));
  },
};

const node = {
  voco: 'src/cli/main.ts',
  'data-worker': 'src/loader/worker.ts',
  'series-worker': 'src/jobs/series/worker.ts',
  'runs-worker': 'src/jobs/table/worker.ts',
  'checkpoint-worker': 'src/runs/describeWorker.ts',
  'preview-worker': 'src/preview/worker.ts',
  'lint-worker': 'src/check/config/worker.ts',
  'datasets-worker': 'src/data/datalist/worker.ts',
  'volume-worker': 'src/viewer/worker.ts',
  extension: 'src/extension/extension.ts',
  formats: 'src/formats/index.ts',
};
const browser = {
  'webview/volume': 'webview/volume/main.ts',
  'webview/volume3d': 'webview/volume/rendering3d.ts',
  'webview/curves': 'webview/curves/main.ts',
  'webview/estimate': 'webview/estimate/main.ts',
  'webview/compare': 'webview/compare/main.ts',
  'webview/crops': 'webview/crops/main.ts',
  'webview/runs': 'webview/runs/main.ts',
  'webview/checkpoint': 'webview/checkpoint/main.ts',
  'webview/results': 'webview/results/main.ts',
};
const wanted = ([name, file]) => existsSync(file) && (!only || only.includes(name));
const present = (entries) => Object.fromEntries(Object.entries(entries).filter(wanted));

const builds = [
  {
    ...common,
    entryPoints: present(node),
    platform: 'node',
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    external,
    plugins: [formatsApart, buffersBySize],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  },
  { ...common, entryPoints: present(browser), platform: 'browser', format: 'iife' },
].filter((options) => Object.keys(options.entryPoints).length > 0);

for (const options of builds) {
  if (watch) await (await context(options)).watch();
  else await build(options);
}

// Read at run time, by the device `wasm` and by decoders of DICOM's pixels, where node_modules is not shipped.
const binaries = [
  '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm',
  '@cornerstonejs/codec-charls/dist/charlswasm_decode.wasm',
  '@cornerstonejs/codec-libjpeg-turbo-8bit/dist/libjpegturbowasm_decode.wasm',
  '@cornerstonejs/codec-openjpeg/dist/openjpegwasm_decode.wasm',
];
for (const binary of binaries) {
  const file = `node_modules/${binary}`;
  if (existsSync(file)) cpSync(file, `${outdir}/wasm/${basename(binary)}`);
}
