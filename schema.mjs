// Writes media/voco.schema.json from src/config/schema, and from that media/voco.editor.schema.json, which the extension
// gives to the JSON editor: `npm run build:schema`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const folder = await mkdtemp(join(tmpdir(), 'voco-schema-'));
try {
  await build({
    entryPoints: {
      publish: 'src/config/schema/publish.ts',
      editor: 'src/config/editorSchema.ts',
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
  });
  const load = (name) => import(pathToFileURL(join(folder, name)).href);
  const { publishedSchema } = await load('publish.mjs');
  const { editorSchema } = await load('editor.mjs');
  const text = publishedSchema();
  await writeFile('media/voco.schema.json', text);
  await writeFile('media/voco.editor.schema.json', `${JSON.stringify(editorSchema(JSON.parse(text)), null, 2)}\n`);
} finally {
  await rm(folder, { recursive: true });
}
