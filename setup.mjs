// Prepares a checkout: system packages, npm packages, the native addon, the bundles. `node setup.mjs [--tests]`.
// Every step is skipped when it is up to date, so it can stand in front of any command.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { buildNative, buildState, canBuild } from './native/build.mjs';

const root = import.meta.dirname;
const forTests = process.argv.includes('--tests');
const say = (text) => process.stderr.write(`setup: ${text}\n`);

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20, ...options });
  return { ok: result.status === 0, output: `${result.stdout ?? ''}${result.stderr ?? ''}` };
}

function fail(text, output = '') {
  if (output) process.stderr.write(`${output.trim().split('\n').slice(-30).join('\n')}\n`);
  say(text);
  process.exit(1);
}

function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // The tools of the tests need more than what is shipped.
  const wanted = forTests ? '20.19' : engines.node.replace('>=', '');
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [least, leastMinor] = wanted.split('.').map(Number);
  if (major > least || (major === least && minor >= leastMinor)) return;
  fail(`Node ${process.versions.node} is too old: install Node ${wanted} or newer`);
}

/** What the machine must have, how to see that it does, and the Debian package that brings it. */
function wantedPackages() {
  const has = (program) => run('sh', ['-c', `command -v ${program}`]).ok;
  const header = (file) => ['/usr/include', '/usr/local/include'].some((folder) => existsSync(join(folder, file)));
  const wanted = [
    { name: 'g++', present: has('g++'), without: 'the fast CPU engine is not built' },
    { name: 'make', present: has('make'), without: 'the fast CPU engine is not built' },
    { name: 'python3', present: has('python3'), without: 'the fast CPU engine is not built' },
    { name: 'libdnnl-dev', present: header('oneapi/dnnl/dnnl.hpp'), without: 'the fast CPU engine is not built' },
  ];
  if (forTests) {
    const peer = 'the tests against PyTorch are skipped';
    wanted.push({ name: 'chromium', present: has('chromium'), without: 'WebGPU and editor tests cannot run' });
    wanted.push({ name: 'python3-torch', present: hasModule('torch'), without: peer });
    wanted.push({ name: 'python3-numpy', present: hasModule('numpy'), without: peer });
    wanted.push({
      name: 'python3-pip',
      present: hasModule('pip'),
      without: 'the test against nnU-Net’s networks is skipped',
    });
  }
  return wanted;
}

/** Whether Debian's Python has a module, or the Python that VOCO_PYTHON names for the tests (test/support/needs.ts). */
function hasModule(name) {
  const own = process.env.VOCO_PYTHON;
  return existsSync(`/usr/lib/python3/dist-packages/${name}`) || (own && run(own, ['-c', `import ${name}`]).ok);
}

/** What `apt-get` stands behind: nothing as root, sudo where it asks for no password; undefined where neither works. */
function asRoot() {
  if (!run('sh', ['-c', 'command -v apt-get']).ok) return undefined;
  if (process.getuid?.() === 0) return [];
  return run('sudo', ['-n', 'true']).ok ? ['sudo', '-n'] : undefined;
}

/** Installs Debian packages. When they cannot be had together, each that can be had is installed alone. */
function install(names, prefix) {
  const apt = (...args) => {
    const [command, ...rest] = [...prefix, 'apt-get', ...args];
    return run(command, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
  };
  const get = (...wanted) => apt('install', '-y', '-qq', '--no-install-recommends', ...wanted);
  say(`installing ${names.join(', ')}`);
  apt('update', '-qq');
  const together = get(...names);
  if (together.ok) return;
  process.stderr.write(together.output.split('\n').slice(-5).join('\n'));
  if (names.length > 1) for (const name of names) get(name);
}

function installSystemPackages() {
  if (process.platform !== 'linux') return;
  const missing = () => wantedPackages().filter((entry) => !entry.present);
  const names = missing().map((entry) => entry.name);
  if (names.length === 0) return;
  const prefix = asRoot();
  if (prefix) install(names, prefix);
  const left = missing();
  if (left.length === 0) return;
  for (const entry of left) say(`missing ${entry.name}: ${entry.without}`);
  say(`to have them: sudo apt-get install ${left.map((entry) => entry.name).join(' ')}`);
}

/** Python packages that the tests build networks of others with, alone and outside of any environment: PyTorch is Debian's. */
function installPythonPackages() {
  const folder = 'node_modules/.cache/voco-python';
  const wanted = 'dynamic-network-architectures==0.4.4';
  if (!forTests || existsSync(join(root, folder, 'dynamic_network_architectures'))) return;
  const python = [process.env.VOCO_PYTHON, '/usr/bin/python3', 'python3'].find(
    (one) => one && run(one, ['-m', 'pip', '--version']).ok,
  );
  if (!python) return;
  say(`installing ${wanted}`);
  const result = run(python, ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', folder, wanted]);
  if (!result.ok) say(`${wanted} could not be installed: the test against nnU-Net’s networks is skipped`);
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

/** Runs `action` unless the files it depends on are the same as at its last success. */
function whenChanged(stamp, files, produced, action) {
  const file = join(root, 'node_modules/.cache', `voco-${stamp}.stamp`);
  const now = hashOf(files);
  if (existsSync(join(root, produced)) && existsSync(file) && readFileSync(file, 'utf8') === now) return;
  if (action()) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, now);
  }
}

function installNodePackages() {
  whenChanged('npm', ['package-lock.json'], 'node_modules/esbuild', () => {
    say('installing npm packages');
    const result = run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
    if (!result.ok) fail('npm ci failed: see above', result.output);
    return true;
  });
}

function sources(folder, pattern) {
  return readdirSync(join(root, folder), { recursive: true })
    .map((name) => join(folder, name))
    .filter((name) => pattern.test(name) && statSync(join(root, name)).isFile())
    .sort();
}

function buildAddon() {
  if (buildState() === 'current') return;
  if (!canBuild()) {
    say('no compiler or no oneDNN: training runs on the wasm device, many times slower');
    return;
  }
  say('building the native engine (a minute)');
  const { ok, output } = buildNative({ stdio: 'pipe' });
  if (ok) return;
  process.stderr.write(`${output.trim().split('\n').slice(-20).join('\n')}\n`);
  say('the native engine could not be built (see above): training runs on the wasm device, many times slower');
}

function bundle() {
  const files = [...sources('src', /\.(ts|json)$/), ...sources('webview', /\.(ts|css)$/), 'esbuild.mjs'];
  whenChanged('bundle', files, 'dist', () => {
    execFileSync(process.execPath, ['esbuild.mjs'], { cwd: root, stdio: ['ignore', 2, 2] });
    return true;
  });
}

checkNode();
installSystemPackages();
installNodePackages();
installPythonPackages();
buildAddon();
bundle();
