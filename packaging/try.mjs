// Tries an unpacked package on this machine: `node packaging/try.mjs FOLDER TARGET`. Fails when the program does not start, or
// when the native engine or the binding of WebGPU that the package is to hold does not load.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { targets } from './targets.mjs';

const [folder, target] = process.argv.slice(2);
const output = execFileSync(process.execPath, [join(folder, 'extension/dist/voco.cjs'), 'devices', '--json'], {
  encoding: 'utf8',
});
const devices = JSON.parse(output);
for (const { name, usable, reason } of devices) console.log(`${name}: ${usable ? 'usable' : reason}`);
const find = (wanted) => devices.find(({ name }) => name === wanted);
const wrong = [];
if (!find('wasm')?.usable) wrong.push('wasm does not run');
if (targets[target]?.engine && !find('onednn')?.usable) wrong.push('the native engine does not run');
// A machine without a GPU still tells whether the binding is there.
if (targets[target] && /not installed|could not be started/.test(find('webgpu')?.reason ?? ''))
  wrong.push('the binding of WebGPU does not load');
if (wrong.length > 0) {
  console.error(`${target}: ${wrong.join('; ')}`);
  process.exit(1);
}
