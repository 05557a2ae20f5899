// Makes the extension's packages: `npm run package`. One for every platform without native code, and, on linux-x64, one with the
// native engine, its oneDNN library and the WebGPU binding inside.
//   node package.mjs [--target universal|linux-x64|linux-arm64|darwin-arm64|win32-x64] [--without-engine]
// --target: only that one. --without-engine: with the WebGPU binding alone, which any machine can pack for any platform.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { buildNative, buildState, canBuild } from './native/build.mjs';
import { engineBuilt, stageEngine } from './packaging/engine.mjs';
import { obstacle, targets, UNIVERSAL } from './packaging/targets.mjs';

const root = import.meta.dirname;
const say = (text) => process.stderr.write(`${text}\n`);
const run = (script, args, cwd = root) =>
  execFileSync(process.execPath, [script, ...args], { cwd, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

function fail(text) {
  say(text);
  process.exit(1);
}

function options() {
  try {
    return parseArgs({ options: { target: { type: 'string' }, 'without-engine': { type: 'boolean', default: false } } })
      .values;
  } catch (error) {
    return fail(`${error.message}; the options are --target NAME and --without-engine`);
  }
}

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
  run('esbuild.mjs', ['--minify', `--outdir=${join(stage, 'dist')}`]);
}

/** The `webgpu` package with the binding of one platform. */
function stageBinding(stage, folder) {
  const from = join(root, 'node_modules/webgpu');
  const to = join(stage, 'dist/node_modules/webgpu');
  for (const name of ['package.json', 'index.js', 'LICENSE.md', `dist/${folder}`])
    cpSync(join(from, name), join(to, name), { recursive: true });
}

function pack(stage, target) {
  const file = join(root, 'dist', `voco-${target}.vsix`);
  const fixed = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links', '--out', file];
  const platform = target === UNIVERSAL ? [] : ['--target', target];
  run(join(root, 'node_modules/@vscode/vsce/vsce'), ['package', ...fixed, ...platform], stage);
  say(`${file} (${(statSync(file).size / 1e6).toFixed(1)} MB)`);
}

/** Whether a package gets the native engine. */
const withEngine = (target) => targets[target]?.engine === true && !withoutEngine;

const { target, 'without-engine': withoutEngine } = options();
if (target !== undefined) {
  const reason = obstacle(target, { withoutEngine, engine: engineBuilt() || canBuild() });
  if (reason !== undefined) fail(reason);
}
const own = 'linux-x64';
const wanted = target !== undefined ? [target] : [UNIVERSAL];
if (target === undefined) {
  const missing = obstacle(own, { withoutEngine, engine: engineBuilt() });
  if (missing === undefined) wanted.push(own);
  else say(`no package for ${own}: the native engine is not built here (npm run build:native)`);
}
if (wanted.some(withEngine) && buildState() !== 'current' && !buildNative().ok)
  fail('the native engine could not be built: see above');
const stage = mkdtempSync(join(tmpdir(), 'voco-package-'));
try {
  mkdirSync(join(root, 'dist'), { recursive: true });
  stageCommon(stage);
  for (const name of wanted) {
    if (withEngine(name)) stageEngine(join(stage, 'dist/native'));
    if (name !== UNIVERSAL) stageBinding(stage, targets[name].binding);
    pack(stage, name);
  }
} finally {
  rmSync(stage, { recursive: true, force: true });
}
