// What users install: the contents of the packages, and that `voco` runs from them away from this checkout.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, test } from 'node:test';
import { root } from './workbench.mjs';

const packages = { universal: join(root, 'dist/voco-universal.vsix'), native: join(root, 'dist/voco-linux-x64.vsix') };
const hasNative = existsSync(join(root, 'native/build/Release/voco_onednn.node'));
let scratch;

const unzip = (file, folder) =>
  execFileSync('python3', [
    '-c',
    'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])',
    file,
    folder,
  ]);

function contents(file) {
  const script = 'import sys, zipfile; print("\\n".join(zipfile.ZipFile(sys.argv[1]).namelist()))';
  return execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }).trim().split('\n').sort();
}

before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'voco-vsix-'));
  const made = spawnSync(process.execPath, [join(root, 'package.mjs')], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
});
after(() => rmSync(scratch, { recursive: true, force: true }));

test('packages hold the bundles and no sources, tests or maps', () => {
  for (const file of [packages.universal, ...(hasNative ? [packages.native] : [])]) {
    const names = contents(file);
    for (const name of [
      'extension.cjs',
      'voco.cjs',
      'data-worker.cjs',
      'lint-worker.cjs',
      'datasets-worker.cjs',
      'series-worker.cjs',
      'formats.cjs',
      'wasm/charlswasm_decode.wasm',
      'wasm/libjpegturbowasm_decode.wasm',
      'wasm/openjpegwasm_decode.wasm',
      'webview/curves.js',
    ]) {
      assert.ok(names.includes(`extension/dist/${name}`), name);
    }
    const strange = names.filter((name) => /\.(ts|map|tsx)$|\/(src|test|native\/src)\//.test(name));
    assert.deepEqual(strange, []);
  }
});

test('every file that the manifest names is in the package', () => {
  const names = new Set(contents(packages.universal));
  const manifest = readFileSync(join(root, 'package.json'), 'utf8');
  const named = [...manifest.matchAll(/"\.?\/?((?:media|dist)\/[^"]+)"/g)].map((match) => match[1]);
  assert.ok(named.length > 5);
  for (const name of named.filter((one) => !one.endsWith('.vsix'))) assert.ok(names.has(`extension/${name}`), name);
});

test('the universal package is small and without native code', () => {
  assert.ok(statSync(packages.universal).size < 6e6);
  assert.deepEqual(
    contents(packages.universal).filter((name) => /\.(node|so(\.\d+)*)$/.test(name)),
    [],
  );
});

test(
  'the linux-x64 package trains on oneDNN with the libraries it carries',
  { skip: !hasNative && 'no native engine here' },
  () => {
    assert.ok(statSync(packages.native).size < 40e6);
    const folder = join(scratch, 'native');
    unzip(packages.native, folder);
    const addon = join(folder, 'extension/dist/native/voco_onednn.node');
    const libraries = execFileSync('ldd', [addon], { encoding: 'utf8' });
    assert.match(libraries, new RegExp(`libdnnl\\.so\\.2 => ${folder}`));
    assert.doesNotMatch(libraries, /not found/);
    const voco = (...args) =>
      spawnSync(process.execPath, [join(folder, 'extension/dist/voco.cjs'), ...args], {
        encoding: 'utf8',
        cwd: scratch,
      });
    const devices = JSON.parse(voco('devices', '--json').stdout);
    assert.equal(devices.find((device) => device.name === 'onednn').usable, true);
    assert.match(devices.find((device) => device.name === 'webgpu').reason ?? '', /^(?!.*not installed)/);
  },
);

test('the universal package runs the command line, on WebAssembly', () => {
  const folder = join(scratch, 'universal');
  unzip(packages.universal, folder);
  const script = join(folder, 'extension/dist/voco.cjs');
  const made = spawnSync(process.execPath, [script, 'devices', '--json'], { encoding: 'utf8', cwd: scratch });
  assert.equal(made.status, 0, made.stderr);
  assert.equal(JSON.parse(made.stdout).find((device) => device.name === 'wasm').usable, true);
});

test('a package for another platform has its WebGPU binding and no engine', () => {
  const made = spawnSync(process.execPath, [join(root, 'package.mjs'), '--target', 'win32-x64'], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  const names = contents(join(root, 'dist/voco-win32-x64.vsix'));
  assert.deepEqual(
    names.filter((name) => name.endsWith('.node')),
    ['extension/dist/node_modules/webgpu/dist/win32-x64/dawn.node'],
  );
});

test('a package whose engine cannot be compiled here is refused', () => {
  const target = process.platform === 'darwin' ? 'linux-arm64' : 'darwin-arm64';
  const made = spawnSync(process.execPath, [join(root, 'package.mjs'), '--target', target], { encoding: 'utf8' });
  assert.equal(made.status, 1);
  assert.match(made.stderr, new RegExp(`^--target ${target}: its native engine is compiled on such a machine.*\\n$`));
});
