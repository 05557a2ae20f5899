// Files that nibabel wrote, of every datatype, byte order and orientation, in a real workbench: what the side bar tells under the
// pointer against what nibabel reads (test/fixtures/nifti_zoo.json, made by test/support/nibabel/zoo.py).
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openVolume, slice, waitForViewer } from './volumes.mjs';
import { openWorkbench, root, runCommand, startBrowser, startServer } from './workbench.mjs';

const { files } = JSON.parse(readFileSync(join(root, 'test/fixtures/nifti_zoo.json'), 'utf8'));
let server, browser, page;

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-zoo-'));
  for (const { name, base64 } of files) writeFileSync(join(workspace, name), Buffer.from(base64, 'base64'));
  server = await startServer({ workspace });
  rmSync(workspace, { recursive: true });
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url(), { width: 1300, height: 900 });
  await waitForViewer(page);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Text of the side bar for a place of a canvas. */
async function readout(frame, plane, across, down) {
  const { width, height } = await slice(frame, plane).boundingBox();
  await slice(frame, plane).hover({ position: { x: across * width, y: down * height } });
  return frame.locator('.readout').innerText();
}

/** What nibabel says of a voxel: its value and place. */
function expected({ shape, values, affine }, [x, y, z]) {
  const [, ny, nz = 1, channels = 1] = shape;
  const mm = affine.slice(0, 3).map((row) => row[0] * x + row[1] * y + row[2] * z + row[3]);
  return { value: values[((x * ny + y) * nz + z) * channels], mm };
}

/** Checks a side bar's text such as `-12 … voxel 3, 0, 7 … 12.5 mm R, 3.0 mm P, 40.0 mm S`; returns the voxel. */
function check(file, text) {
  const voxel = /voxel (\d+), (\d+), (\d+)/.exec(text).slice(1).map(Number);
  const { value, mm } = expected(file, voxel);
  const shown = Number(text.split('\n')[0]);
  assert.equal(shown, Number.isInteger(value) ? value : Number(value.toPrecision(7)), `${file.name}: ${text}`);
  const places = [...text.matchAll(/([\d.]+) mm ([RLAPSI])/g)].map(([, length, side]) =>
    'RAS'.includes(side) ? Number(length) : -Number(length),
  );
  mm.forEach((at, axis) => assert.ok(Math.abs(places[axis] - at) < 0.051, `${file.name}: ${text}, not ${mm}`));
  return voxel.join();
}

for (const file of files) {
  test(`${file.name}: values, places and orientation are nibabel's`, async () => {
    const frame = await openVolume(page, file.name, `.pane[aria-label="${file.name}"] canvas[data-late="false"]`);
    const seen = new Set();
    for (const plane of [0, 1, 2]) {
      for (const at of [0.44, 0.56]) seen.add(check(file, await readout(frame, plane, at, 1 - at)));
    }
    assert.ok(seen.size > 2, `${file.name}: only ${[...seen].join(' and ')} were looked at`);
    const rows = (await frame.locator('aside tr').allInnerTexts()).join('\n');
    assert.match(rows, new RegExp(`Orientation\\s+${file.axcodes}`));
    await runCommand(page, 'View: Close All Editors');
  });
}
