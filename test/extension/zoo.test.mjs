// Files that nibabel wrote, of every datatype, byte order and orientation, in a real workbench: what the side bar tells under the
// pointer against what nibabel reads (test/fixtures/nifti_zoo.json, made by test/support/nibabel/zoo.py).
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { callCommand, checkPlace, installCaller, openVolume, readout, waitForViewer } from './volumes.mjs';
import { openWorkbench, root, scenarios, startBrowser, startServer, webview } from './workbench.mjs';

const { files } = JSON.parse(readFileSync(join(root, 'test/fixtures/nifti_zoo.json'), 'utf8'));
let server, browser, page;

async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1300, height: 900 });
  await waitForViewer(page);
}
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-zoo-'));
  for (const { name, base64 } of files) writeFileSync(join(workspace, name), Buffer.from(base64, 'base64'));
  server = await startServer({ workspace });
  rmSync(workspace, { recursive: true });
  installCaller(server);
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Checks place and value that are told of a voxel; returns the voxel. */
function check({ name, shape, values, affine }, text, place) {
  const { voxel, value: shown } = checkPlace(name, affine, text, place);
  const [x, y, z] = voxel;
  const [, ny, nz = 1, channels = 1] = shape;
  const value = values[((x * ny + y) * nz + z) * channels];
  assert.equal(shown, Number.isInteger(value) ? value : Number(value.toPrecision(7)), `${name}: ${text}`);
  return voxel.join();
}

/** Looks at two places of each plane. */
async function checkAll(frame, shown) {
  const seen = new Set();
  for (const plane of [0, 1, 2]) {
    for (const at of [0.44, 0.56]) {
      const { volumes, place } = await readout(frame, plane, at, 1 - at);
      assert.equal(volumes.length, shown.length);
      shown.forEach((file, i) => seen.add(check(file, volumes[i], place)));
    }
  }
  assert.ok(seen.size > 1, `only ${[...seen].join(' and ')} were looked at`);
}

const types = files.filter(({ about }) => about.startsWith('datatype'));
for (const file of files.filter((one) => !types.includes(one))) {
  test(`${file.name} (${file.about}): values, places and orientation are nibabel's`, async () => {
    const frame = await openVolume(page, file.name, `#app[data-drawn="true"]:has(.pane[aria-label="${file.name}"])`);
    await checkAll(frame, [file]);
    const rows = (await frame.locator('aside tr').allInnerTexts()).join('\n');
    assert.match(rows, new RegExp(`Orientation\\s+${file.axcodes}`));
  });
}

for (let at = 0; at < types.length; at += 4) {
  const shown = types.slice(at, at + 4);
  test(`side by side: ${shown.map(({ name }) => name).join(', ')}`, async () => {
    // The command that shows several does not start the extension: a volume that is open does.
    await openVolume(page, shown[0].name);
    const volumes = shown.map(({ name }) => ({ uri: name, name }));
    await callCommand(page, server, 'voco.openComparison', volumes);
    const last = `.pane[aria-label="${shown.at(-1).name}"]`;
    const frame = await webview(page, `#app[data-drawn="true"]:has(${last})`);
    await checkAll(frame, shown);
  });
}
