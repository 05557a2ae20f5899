import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../runs/support';

/** A process that writes a file atomically and never ends it. */
function writer(folder: string, listens: boolean): string {
  const script = join(folder, 'writer.cjs');
  const atomic = JSON.stringify(join(import.meta.dirname, '../../../src/files/atomic.ts'));
  const file = JSON.stringify(join(folder, 'out/file.bin'));
  const own = listens ? `process.on('SIGTERM', () => process.exit(7));` : '';
  const contents = `
    import { writeAtomically } from ${atomic};
    ${own}
    setInterval(() => undefined, 1000);
    void writeAtomically(${file}, async (handle) => {
      await handle.writeFile('half');
      process.stdout.write('writing');
      await new Promise(() => undefined);
    });`;
  buildSync({ stdin: { contents, resolveDir: folder }, bundle: true, platform: 'node', outfile: script });
  return script;
}

test.skipIf(process.platform === 'win32').each([
  ['SIGTERM', 130, false],
  ['SIGINT', 130, false],
  ['SIGTERM', 7, true],
] as const)('a process that ends by %s with code %i leaves nothing half written', async (signal, code, listens) => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'package.json'), '{}');
  const child = spawn(process.execPath, [writer(folder, listens)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  expect(readdirSync(join(folder, 'out'))).toHaveLength(1);
  child.kill(signal);
  expect(await once(child, 'exit')).toEqual([code, null]);
  expect(readdirSync(join(folder, 'out'))).toEqual([]);
});
