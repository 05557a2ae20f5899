// Volumes that are no NIfTI in a real workbench: NRRD, MetaImage and MGH open in the viewer, a folder of DICOM files is converted.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before } from 'node:test';
import { callCommand, installCaller, openVolume, slice, waitForViewer } from './volumes.mjs';
import {
  openWorkbench,
  pick,
  root,
  saveAs,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

const fixtures = join(root, 'test/fixtures/formats');
const { cases } = JSON.parse(readFileSync(join(fixtures, 'answers.json'), 'utf8'));
const answer = (id) => cases.find((one) => one.id === id);
let server, browser, page;

async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1300, height: 900 });
  await waitForViewer(page);
}
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-formats-'));
  for (const folder of ['nrrd', 'metaimage', 'mgh']) cpSync(join(fixtures, folder), workspace, { recursive: true });
  cpSync(join(fixtures, 'dicom/p08-two-series'), join(workspace, 'two-series'), { recursive: true });
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

/** Checks what the side bar tells for a place of the axial slice: the place of the voxel in space, and a value of the volume. */
async function checkPlace(frame, { affine_RAS: affine, min, max }) {
  const { width, height } = await slice(frame, 2).boundingBox();
  await slice(frame, 2).hover({ position: { x: 0.55 * width, y: 0.45 * height } });
  const texts = await frame.locator('.readout > div').allInnerTexts();
  const [x, y, z] = /voxel (\d+), (\d+), (\d+)/.exec(texts[0]).slice(1).map(Number);
  const places = [...texts.at(-1).matchAll(/([\d.]+) mm ([RLAPSI])/g)].map(([, length, side]) =>
    'RAS'.includes(side) ? Number(length) : -Number(length),
  );
  affine.slice(0, 3).forEach((row, axis) => {
    const mm = row[0] * x + row[1] * y + row[2] * z + row[3];
    assert.ok(
      Math.abs(places[axis] - mm) < 0.051,
      `voxel ${x}, ${y}, ${z}: ${texts.at(-1)}, axis ${axis} lies at ${mm}`,
    );
  });
  const value = Number(texts[0].split('\n').at(-2).replace('−', '-'));
  assert.ok(value >= min && value <= max, `${value} is not between ${min} and ${max}`);
}

for (const id of ['q01-gzip-lps', 'q02-detached-raw-ras', 'r01-compressed-rotated', 's01-int16-rotated']) {
  const { input, format, volume } = answer(id);
  test(`${basename(input)} (${format}) opens in the viewer with its places and values`, async () => {
    const frame = await openVolume(
      page,
      basename(input),
      `#app[data-drawn="true"]:has(.pane[aria-label="${basename(input)}"])`,
    );
    await checkPlace(frame, volume);
    await screenshotInThemes(page, `format-${id}`);
  });
}

test('a truncated file of another format is refused with the reason', async () => {
  const own = '.pane[aria-label="r03-truncated.mha"] .message.error';
  const frame = await openVolume(page, 'r03-truncated.mha', own);
  assert.match(await frame.locator(own).innerText(), /r03-truncated\.mha.*truncated/);
});

test('of a folder with two DICOM series one is chosen, converted and opened', async () => {
  const { description, volume } = answer('p08-two-series').series[0];
  await callCommand(page, server, 'voco.convert', { only: { uri: 'two-series' } });
  await pick(page, description);
  const file = join(server.folder, 'chosen.nii.gz');
  await saveAs(page, file, '.nii.gz');
  const frame = await webview(page, '#app[data-drawn="true"]:has(.pane[aria-label="chosen.nii.gz"])');
  await checkPlace(frame, volume);
  const facts = JSON.parse(readFileSync(join(server.folder, 'chosen.json'), 'utf8'));
  assert.equal(facts.SeriesDescription ?? facts.series?.description, description);
});
