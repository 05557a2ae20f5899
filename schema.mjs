// Writes media/voco.schema.json from src/config/schema: `npm run build:schema`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const folder = await mkdtemp(join(tmpdir(), 'voco-schema-'));
try {
  const outfile = join(folder, 'publish.mjs');
  await build({
    entryPoints: ['src/config/schema/publish.ts'],
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
  });
  const { publishedSchema } = await import(pathToFileURL(outfile).href);
  await writeFile('media/voco.schema.json', publishedSchema());
} finally {
  await rm(folder, { recursive: true });
}
