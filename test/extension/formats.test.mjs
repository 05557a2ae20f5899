// Volumes that are no NIfTI in a real workbench: NRRD, MetaImage and MGH open in the viewer, a folder of DICOM files is converted.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before } from 'node:test';
import { callCommand, checkPlace, installCaller, openVolume, readout, waitForViewer } from './volumes.mjs';
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
async function checkReadout(frame, name, { affine_RAS: affine, min, max }) {
  const { volumes, place } = await readout(frame, 2, 0.55, 0.45);
  const { value } = checkPlace(name, affine, volumes[0], place);
  assert.ok(value >= min && value <= max, `${name}: ${value} is not between ${min} and ${max}`);
}

for (const id of ['q01-gzip-lps', 'q02-detached-raw-ras', 'r01-compressed-rotated', 's01-int16-rotated']) {
  const { input, format, volume } = answer(id);
  test(`${basename(input)} (${format}) opens in the viewer with its places and values`, async () => {
    const frame = await openVolume(
      page,
      basename(input),
      `#app[data-drawn="true"]:has(.pane[aria-label="${basename(input)}"])`,
    );
    await checkReadout(frame, input, volume);
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
  await checkReadout(frame, 'chosen.nii.gz', volume);
  const facts = JSON.parse(readFileSync(join(server.folder, 'chosen.json'), 'utf8'));
  assert.equal(facts.SeriesDescription ?? facts.series?.description, description);
});
