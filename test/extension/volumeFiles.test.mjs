// Volumes as files in a real workbench: several chosen in the explorer, many in a dataset, broken ones, and ones that change.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { drawn, openVolume, slice, waitForViewer, writeVolume } from './volumes.mjs';
import {
  chooseFromMenu,
  eventually,
  openSideBar,
  openWorkbench,
  rows,
  runCommand,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  within,
} from './workbench.mjs';

const MANY = 620;
const organ = (x, y, z) =>
  Math.hypot(x - 16, y - 20, z - 15) < 7 ? 6 : Math.hypot(x - 34, y - 20, z - 15) < 5 ? 1 : 0;
const value = (x, y, z) => (organ(x, y, z) ? 100 + 20 * organ(x, y, z) : Math.hypot(x - 24, y - 20) < 18 ? 20 : -900);
/** The bytes of a volume with the identity as its affine. */
function withoutAffine(bytes) {
  [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0].forEach((entry, i) => bytes.writeFloatLE(entry, 280 + 4 * i));
  return bytes;
}
let server, browser, page, folder;

async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1400, height: 900 });
  await waitForViewer(page);
}
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-files-'));
  const at = (name) => join(workspace, name);
  for (const name of ['many', 'many/imagesTr']) mkdirSync(at(name));
  // Next to one another in the explorer.
  writeVolume(at('scan1.nii'), [48, 40, 30], value);
  writeVolume(at('scan1_label.nii'), [48, 40, 30], organ, { bytes: 1 });
  // A mask that was saved without an affine, of the image's size.
  writeVolume(at('below.nii'), [48, 40, 30], value);
  writeVolume(at('bare.nii'), [48, 40, 30], organ, { bytes: 1, mm: 1 });
  writeFileSync(at('bare.nii'), withoutAffine(readFileSync(at('bare.nii'))));
  writeVolume(at('scan2.nii'), [24, 20, 15], (x, y, z) => value(2 * x, 2 * y, 2 * z), { mm: 4 });
  writeVolume(at('broken.nii'), [48, 40, 30], value);
  truncateSync(at('broken.nii'), 9000);
  writeVolume(at('changing.nii'), [8, 8, 8], () => 7);
  for (let n = 1; n <= MANY; n++) {
    writeVolume(at(`many/imagesTr/case${n}.nii`), [12, 10, 6], (x, y) => x * y + n);
  }
  writeFileSync(at('many.voco.json'), JSON.stringify({ data: { train: [{ folder: 'many/imagesTr' }] } }));
  server = await startServer({ workspace });
  rmSync(workspace, { recursive: true });
  ({ folder } = server);
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const files = () => page.locator('.explorer-folders-view .monaco-list-row');

const focused = () =>
  page
    .locator('.explorer-folders-view .monaco-list-row.focused .label-name')
    .innerText({ timeout: 1000 })
    .catch(() => undefined);
const selected = () => page.locator('.explorer-folders-view .monaco-list-row.selected .label-name').allInnerTexts();

/** Whether something comes true soon: a list that is drawn anew loses a key that is pressed at that moment. */
const soon = (look) => within(3000, (timeout) => eventually(look, 'a key', timeout));

/** Selects rows of the explorer from `first` downwards by keys; false when a key was lost. */
async function select(first, count) {
  // Nothing is selected, the file in the editor neither.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Home');
  if (!(await soon(focused))) return false;
  while ((await focused()) !== first) {
    const before = await focused();
    await page.keyboard.press('ArrowDown');
    if (!(await soon(async () => (await focused()) !== before))) return false;
  }
  // Shift and an arrow add the next row to what is selected, which the row with the focus is not yet.
  await page.keyboard.press('Control+Shift+Enter');
  if (!(await soon(async () => (await selected()).join() === first))) return false;
  for (let more = 1; more < count; more++) {
    await page.keyboard.press('Shift+ArrowDown');
    if (!(await soon(async () => (await selected()).length === more + 1))) return false;
  }
  return true;
}

/**
 * Selects rows of the explorer that lie below one another, and chooses from their menu. By keyboard: a click opens the file, and
 * its editor takes the focus and moves the list while the next row is looked for.
 */
async function chooseFor(first, count, item) {
  await runCommand(page, 'View: Show Explorer');
  await files().filter({ hasText: first }).first().waitFor();
  await page.locator('.explorer-folders-view .monaco-list:focus').waitFor();
  await eventually(() => select(first, count), `${count} files are selected`);
  await chooseFromMenu(page, () => page.keyboard.press('Shift+F10'), item);
}

test('a label map chosen with its image in the explorer goes on top of it', async () => {
  await chooseFor('scan1_label.nii', 2, 'Add Overlay');
  const frame = await webview(page, '#app:has(.pane[aria-label="scan1.nii"]) .overlay-row');
  await drawn(frame);
  await frame.locator('[data-label="6"]').waitFor();
  await eventually(
    async () => /scan1_label/.test(await frame.locator('.overlay-row').innerText()),
    'the name of the overlay',
  );
  assert.equal(await frame.locator('.pane').count(), 1);
});

test('a mask without an affine says so, and is drawn on the image’s grid when asked', async () => {
  const frame = await openVolume(page, 'below.nii', '#app[data-drawn="true"]:has(.pane[aria-label="below.nii"])');
  await chooseFor('bare.nii', 1, 'Add Overlay');
  const place = frame.locator('.overlay-row', { hasText: 'bare' }).locator('.place');
  await place.getByText('48×40×30 voxels').waitFor();
  const label = frame.locator('[data-label="6"]');
  assert.doesNotMatch(await label.innerText(), /ml/);
  await screenshotInThemes(page, 'volume-mask-without-affine');
  await place.getByRole('button', { name: 'Use the image’s grid' }).click();
  await place.getByText('Drawn on the image').waitFor();
  await drawn(frame);
  // 8 mm³ a voxel, as the image has it.
  const voxels = [...Array(48 * 40 * 30).keys()].filter(
    (n) => organ(n % 48, Math.floor(n / 48) % 40, Math.floor(n / 1920)) === 6,
  );
  await eventually(async () => (await label.innerText()).includes(`${((voxels.length * 8) / 1000).toFixed(0)}\u00a0ml`), 'millilitres of the image’s grid'); // prettier-ignore
});

test('compares volumes chosen in the explorer, with linked crosshairs', async () => {
  await chooseFor('scan1_label.nii', 3, 'Compare Volumes');
  const frame = await webview(page, '.pane + .pane + .pane');
  await drawn(frame);
  const axial = (name) => frame.locator(`.pane[aria-label="${name}"] canvas[data-plane="2"]`);
  const places = async () =>
    Promise.all(['scan1.nii', 'scan1_label.nii', 'scan2.nii'].map((name) => axial(name).getAttribute('data-index')));
  await axial('scan1.nii').focus();
  await page.keyboard.press('Home');
  await eventually(async () => (await places()).join() === '0,0,0', 'all at the bottom');
  await page.keyboard.press('End');
  await eventually(async () => (await places()).join() === '29,29,14', 'all at the top');
  await page.keyboard.press('PageDown');
  await screenshotInThemes(page, 'volume-compare');
});

test('a dataset of several hundred cases lists the first, and more when asked', async () => {
  await openSideBar(page);
  const row = (text) => rows(page, 'Datasets').filter({ hasText: text }).first();
  await row('imagesTr').waitFor();
  assert.match(await row('imagesTr').innerText(), new RegExp(`${MANY} volumes`));
  await row('imagesTr').locator('.monaco-tl-twistie').click();
  await row('case1').waitFor();
  assert.equal(await row('case1').getAttribute('aria-setsize'), '101');
  await row('imagesTr').focus();
  await row('case1').hover();
  await page.keyboard.press('End');
  await row('Show more').waitFor();
  assert.match(await row('Show more').innerText(), new RegExp(`${MANY - 100} not listed`));
  await page.keyboard.press('Enter');
  await eventually(async () => (await row('case10').getAttribute('aria-setsize')) === String(MANY), 'all are listed');
  await eventually(
    async () => /case101\b/.test(await rows(page, 'Datasets').and(page.locator('.focused')).innerText()),
    'the first of the new ones has the focus',
  );
  await screenshotInThemes(page, 'datasets-many');
  await page.keyboard.press('End');
  await row(`case${MANY}`).click();
  const frame = await webview(page, `#app:has(.pane[aria-label="case${MANY}.nii"]) canvas[data-late="false"]`);
  await drawn(frame);
});

/** The value that the side bar tells for the middle of the axial slice. */
async function middle(frame) {
  const box = await slice(frame, 2).boundingBox();
  await slice(frame, 2).hover({ position: { x: 0.5 * box.width, y: 0.5 * box.height } });
  return Number(await frame.locator('.readout .value').first().innerText());
}

/** The viewer of a volume, drawn. */
const own = (name) => `#app[data-drawn="true"]:has(.pane[aria-label="${name}"])`;

test('a truncated file says so', async () => {
  const frame = await openVolume(page, 'broken.nii', '.pane[aria-label="broken.nii"] .message.error');
  const text = await frame.locator('.pane .message.error').innerText();
  assert.match(text, /broken\.nii.*truncated/);
});

test('follows a file that changes, and keeps the picture of one that is deleted', async () => {
  writeVolume(join(folder, 'changing.nii'), [8, 8, 8], () => 7);
  const frame = await openVolume(page, 'changing.nii', own('changing.nii'));
  assert.equal(await middle(frame), 7);
  writeVolume(join(folder, 'changing.nii'), [8, 8, 8], () => 9);
  await eventually(async () => (await middle(frame).catch(() => undefined)) === 9, 'the new values');
  unlinkSync(join(folder, 'changing.nii'));
  await eventually(
    async () => /deleted/.test(await frame.locator('.pane .message').innerText()),
    'the message about the deleted file',
  );
  assert.equal(await middle(frame), 9);
});
