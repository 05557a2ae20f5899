// The one way to build the native engine, for `npm run build:native`, setup.mjs, package.mjs and the tests' runner.
// Beside the addon it leaves a stamp: the hash of all that the addon was made of.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import process from 'node:process';

const here = import.meta.dirname;
const addonIn = (folder) => join(folder, 'build/Release/voco_onednn.node');
const stampIn = (folder) => join(folder, 'build/Release/voco_onednn.stamp');

/** Every file below `folder` but what is built, whatever it is called: relative paths in order. */
export function sourceFiles(folder = here) {
  const built = ['build', 'node_modules'];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .filter((name) => !built.includes(name.split('/')[0]))
    .sort();
}

/** Hash of the sources, of the version of node-addon-api that they include, and of the kind of machine. */
export function sourceHash(folder = here) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  hash.update(createRequire(import.meta.url)('node-addon-api/package.json').version);
  for (const name of sourceFiles(folder)) hash.update(`\n${name}\n`).update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

/** What there is of the addon: not built, made of these sources or of others, or built by nobody knows what. */
export function buildState(folder = here) {
  if (!existsSync(addonIn(folder))) return 'missing';
  if (!existsSync(stampIn(folder))) return 'unknown';
  return readFileSync(stampIn(folder), 'utf8') === sourceHash(folder) ? 'current' : 'stale';
}

/** Whether this machine has what the build needs. */
export function canBuild() {
  const header = ['/usr/include', '/usr/local/include', '/opt/homebrew/include'].some((at) =>
    existsSync(join(at, 'oneapi/dnnl/dnnl.hpp')),
  );
  return header && ['g++', 'make', 'python3'].every((name) => spawnSync(name, ['--version']).status === 0);
}

/**
 * Builds the addon from nothing and stamps it. `stdio` as of `spawnSync`; more arguments go to node-gyp.
 *
 * @returns whether it was built, and what the compiler said where that was caught
 */
export function buildNative({ stdio = 'inherit', args = [] } = {}) {
  const stamp = sourceHash();
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // The headers that came with this Node, where there are any, so that none are downloaded.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const result = spawnSync(process.execPath, [gyp, 'rebuild', '-C', here, '--jobs=max', ...headers, ...args], {
    stdio,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const ok = result.status === 0 && existsSync(addonIn(here));
  if (ok) writeFileSync(stampIn(here), stamp);
  return { ok, output: `${result.stdout ?? ''}${result.stderr ?? ''}` };
}

if (process.argv[1] === import.meta.filename) {
  process.exit(buildNative({ args: process.argv.slice(2) }).ok ? 0 : 1);
}
