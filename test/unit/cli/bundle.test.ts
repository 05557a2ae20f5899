/** What only the bundled program shows. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../../../dist/voco.cjs');
const root = mkdtempSync(join(tmpdir(), 'voco-bundle-'));
afterAll(() => rmSync(root, { recursive: true }));

/** The bytes 0, 1, 2, 3, 4, 0, … of 24 voxels, packed with bzip2. */
const PACKED = 'QlpoOTFBWSZTWVroSCEAAAJAAHwAIAAwzQBUhpS7HRY48XckU4UJBa6EghA=';

it('unpacks bzip2 without a word of Node about how', () => {
  const header = 'NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 3 4\nencoding: bzip2\n\n';
  const file = join(root, 'a.nrrd');
  writeFileSync(file, Buffer.concat([Buffer.from(header), Buffer.from(PACKED, 'base64')]));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'info', file], { encoding: 'utf8' });
  expect(status).toBe(0);
  expect(stdout).toMatch(/2×3×4 voxels[^]*0 to 4, mean/);
  expect(stderr).not.toMatch(/Warning|DEP\d+/);
});
