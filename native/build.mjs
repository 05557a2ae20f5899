// Builds the addon with node-gyp; uses the headers installed with this Node where there are any, so that none are downloaded.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const prefix = dirname(dirname(process.execPath));
const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
const { status } = spawnSync(
  process.execPath,
  [gyp, 'rebuild', '-C', import.meta.dirname, ...headers, ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
