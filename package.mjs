// Makes the extension's packages: `npm run package`. One for linux-x64 with the native engine, its oneDNN library and the
// WebGPU binding inside, and one for every platform without them.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { buildNative, buildState } from './native/build.mjs';

const root = import.meta.dirname;
const say = (text) => process.stderr.write(`${text}\n`);
const run = (command, args, cwd = root) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

const objects = join(root, 'native/build/Release/obj.target/voco_onednn/src');
/** Libraries that no ordinary Linux has; the C and C++ ones are everywhere. */
const carried = /\/(libdnnl|libgomp|libOpenCL)\.so\.\d+$/;

/** What is the same in every package. */
function stageCommon(stage) {
  for (const name of ['.vscodeignore', 'README.md', 'CHANGELOG.md', 'LICENSE', 'media'])
    cpSync(join(root, name), join(stage, name), { recursive: true });
  // The pictures of the README stay in the repository.
  const readme = readFileSync(join(root, 'README.md'), 'utf8').replace(/^!\[.*\]\(docs\/images\/.*\)\n\n?/gm, '');
  writeFileSync(join(stage, 'README.md'), readme);
  const {
    scripts: _scripts,
    devDependencies: _dev,
    dependencies: _dependencies,
    ...manifest
  } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  run(process.execPath, ['esbuild.mjs', '--minify', `--outdir=${join(stage, 'dist')}`]);
}

const NOTICE = `These libraries are Debian's builds, unchanged:
libdnnl.so.2    oneDNN, Apache License 2.0, https://github.com/oneapi-src/oneDNN
libgomp.so.1    GNU OpenMP, GPL 3 with the GCC Runtime Library Exception, https://gcc.gnu.org
libOpenCL.so.1  OpenCL ICD loader (ocl-icd), BSD 2-clause, https://github.com/OCL-dev/ocl-icd
`;

/**
 * Links the addon again for being carried about: libdnnl's own libraries must be named by the addon, since only its
 * `$ORIGIN` is searched.
 */
function stageNative(stage) {
  const folder = join(stage, 'dist/native');
  mkdirSync(folder, { recursive: true });
  const addon = join(folder, 'voco_onednn.node');
  const sources = readdirSync(objects)
    .filter((name) => name.endsWith('.o'))
    .map((name) => join(objects, name));
  const link = ['-shared', '-pthread', '-s', '-Wl,-rpath,$ORIGIN', '-Wl,--no-as-needed', '-o', addon, ...sources];
  const openCl = run('sh', ['-c', 'ldd "$(ldconfig -p | sed -n "s/.*libdnnl.so.2 .*=> //p" | head -1)"']).includes(
    'libOpenCL',
  );
  run('g++', [...link, '-ldnnl', '-fopenmp', ...(openCl ? ['-l:libOpenCL.so.1'] : [])]);
  for (const line of run('ldd', [addon]).split('\n')) {
    const path = /=> (\S+)/.exec(line)?.[1];
    if (path && carried.test(path)) cpSync(path, join(folder, basename(path)), { dereference: true });
  }
  writeFileSync(join(folder, 'NOTICE.txt'), NOTICE);
  const binding = join(root, 'node_modules/webgpu');
  const target = join(stage, 'dist/node_modules/webgpu');
  for (const name of ['package.json', 'index.js', 'LICENSE.md', 'dist/linux-x64']) {
    cpSync(join(binding, name), join(target, name), { recursive: true });
  }
}

function pack(stage, file, target) {
  const vsce = join(root, 'node_modules/@vscode/vsce/vsce');
  const options = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', file];
  run(process.execPath, [vsce, 'package', ...options, ...(target ? ['--target', target] : [])], stage);
  say(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB)`);
}

const stage = mkdtempSync(join(tmpdir(), 'voco-package-'));
try {
  const out = join(root, 'dist');
  mkdirSync(out, { recursive: true });
  stageCommon(stage);
  pack(stage, join(out, 'voco-universal.vsix'));
  if (process.platform === 'linux' && process.arch === 'x64' && existsSync(objects)) {
    if (buildState() !== 'current' && !buildNative().ok)
      throw new Error('the native engine could not be built: see above');
    stageNative(stage);
    pack(stage, join(out, 'voco-linux-x64.vsix'), 'linux-x64');
  } else say('no package for linux-x64: the native engine is not built here (npm run build:native)');
} finally {
  rmSync(stage, { recursive: true, force: true });
}
