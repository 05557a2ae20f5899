// More of the volume viewer in a real workbench: odd files, 4-D, cine, screenshots, restoring, half-written files, the Datasets view.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { callCommand, drawn, installCaller, openVolume, slice, waitForViewer, writeVolume } from './volumes.mjs';
import {
  eventually,
  openFile,
  openSideBar,
  openWorkbench,
  reloadWindow,
  rows,
  runCommand,
  saveAs,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
  within,
} from './workbench.mjs';

const SIZE = [32, 28, 20];
const organ = (x, y, z) =>
  Math.hypot(x - 12, y - 14, z - 10) < 6 ? 6 : Math.hypot(x - 24, y - 14, z - 10) < 4 ? 1 : 0;
const value = (x, y, z) => (organ(x, y, z) ? 60 + 20 * organ(x, y, z) : Math.hypot(x - 16, y - 14) < 13 ? 20 : -900);
let server, browser, page, folder;

async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1400, height: 900 });
  await waitForViewer(page);
}
const test = scenarios(() => ({ page, server }), open);

/** Bytes of a file changed in place: of its header, mostly. */
function patch(file, change) {
  const bytes = readFileSync(file);
  change(bytes);
  writeFileSync(file, bytes);
}

const int16 = (bytes, at, values) => values.forEach((n, i) => bytes.writeInt16LE(n, at + 2 * i));

/** Files that are odd, each with what is to be seen: the value of its first voxel, or the reason why there is none. */
function writeZoo(home) {
  const file = (name) => join(home, name);
  const plain = (name, size, at) => writeVolume(file(name), size, at);
  plain('thin.nii', [9, 8, 1], (x, y) => 10 * x + y);
  plain('flat.nii', [9, 8, 1], (x, y) => 10 * x + y);
  patch(file('flat.nii'), (bytes) => int16(bytes, 40, [2, 9, 8]));
  plain('oblique.nii', [9, 8, 7], (x) => x);
  patch(file('oblique.nii'), (bytes) => bytes.writeFloatLE(0.9, 284));
  plain('forms.nii', [9, 8, 7], (x) => x);
  patch(file('forms.nii'), (bytes) => (int16(bytes, 252, [1]), bytes.writeFloatLE(90, 268)));
  plain('colour.nii', [6, 6, 6], () => 1);
  patch(file('colour.nii'), (bytes) => int16(bytes, 70, [128, 24]));
  plain('claims.nii', [6, 6, 6], () => 1);
  patch(file('claims.nii'), (bytes) => int16(bytes, 40, [3, 1000, 1500, 1000]));
  writeFileSync(file('empty.nii'), '');
  writeFileSync(file('text.nii.gz'), 'not a volume');
}

const SHOWN = {
  'thin.nii': /single slice/,
  'flat.nii': /single slice/,
  'oblique.nii': /right angles/,
  'forms.nii': /contradict/,
};
const REFUSED = {
  'colour.nii': /RGB24 are not supported/,
  'claims.nii': /truncated or its header is corrupt/,
  'empty.nii': /is empty/,
  'text.nii.gz': /neither gzip data/,
};

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-viewing-'));
  for (const name of ['data', 'data/imagesTr', 'data/labelsTr', 'zoo']) mkdirSync(join(workspace, name));
  writeVolume(join(workspace, 'data/imagesTr/img07.nii'), SIZE, value);
  writeVolume(join(workspace, 'data/imagesTr/img08.nii'), SIZE, (x, y, z) => value(x + 2, y, z));
  writeVolume(join(workspace, 'data/labelsTr/label07.nii'), SIZE, organ, { bytes: 1 });
  writeFileSync(
    join(workspace, 'data/dataset.json'),
    JSON.stringify({ training: [{ image: 'imagesTr/img07.nii', label: 'labelsTr/label07.nii' }] }),
  );
  const train = [{ datalist: 'data/dataset.json' }, { folder: 'data/imagesTr' }];
  writeFileSync(join(workspace, 'mine.voco.json'), JSON.stringify({ data: { train } }));
  writeZoo(join(workspace, 'zoo'));
  // Two volumes in time: the second is the first plus 1000.
  writeVolume(join(workspace, 'time.nii'), [10, 9, 16], (x, y, z) => x + (z >= 8 ? 1000 : 0));
  patch(join(workspace, 'time.nii'), (bytes) => int16(bytes, 40, [4, 10, 9, 8, 2]));
  writeVolume(join(workspace, 'writing.nii'), [8, 8, 8], () => 5);
  server = await startServer({ workspace });
  rmSync(workspace, { recursive: true });
  ({ folder } = server);
  installCaller(server);
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Value and text of the side bar for the middle of a slice. */
async function middle(frame, plane = 2) {
  const box = await slice(frame, plane).boundingBox();
  await slice(frame, plane).hover({ position: { x: 0.51 * box.width, y: 0.51 * box.height } });
  const text = await frame.locator('.readout').innerText();
  return { text, value: Number(await frame.locator('.readout .value').first().innerText()) };
}

/** A row of the Datasets view, with the dataset opened. */
async function datasetRow(text) {
  await openSideBar(page);
  const row = (name) => rows(page, 'Datasets').filter({ hasText: name }).first();
  await row('dataset.json').waitFor();
  if ((await row(text).count()) === 0) await row('dataset.json').locator('.monaco-tl-twistie').click();
  await row(text).waitFor();
  return row(text);
}

/** The case with its label, as the Datasets view opens it: what is there, else opened now. */
async function labelled() {
  const shown = '#app[data-drawn="true"]:has(.pane[aria-label="img07.nii"]) .overlay-row';
  if (!(await webviewNow(page, shown))) {
    const row = await datasetRow('img07');
    await row.hover();
    await row.locator('.action-label[aria-label="Open with Label"]').click();
  }
  const frame = await webview(page, shown);
  await frame.locator('[data-label="6"]').waitFor();
  return frame;
}

test('cases of a dataset have a picture in the hover, and open with their label', async () => {
  const row = await datasetRow('img07');
  const picture = page.locator('.monaco-hover img[alt="middle axial slice"], .workbench-hover img').first();
  // A list that is still filling moves the row from under the pointer, and the hover does not come.
  await eventually(async () => {
    await page.mouse.move(900, 500);
    await row.hover();
    return within(8000, (timeout) => picture.waitFor({ timeout }));
  }, 'the picture in the hover of a case');
  const [width, height] = await eventually(
    () => picture.evaluate((image) => image.naturalWidth > 0 && [image.naturalWidth, image.naturalHeight]),
    'the picture in the hover',
  );
  assert.deepEqual([width, height], [180, Math.round((180 * 28) / 32)]);
  await screenshot(page, 'dataset-hover');
  const frame = await labelled();
  // The toolkit draws the text of a checkbox a frame after the row is there.
  const name = () => frame.locator('.overlay-row').innerText();
  await eventually(async () => /label/.test(await name()), 'the name of the label map');
});

test('what was shown is there again after a reload: place, window, overlay, how it is drawn, and a comparison', async () => {
  const frame = await labelled();
  await slice(frame, 2).focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('PageUp');
  await frame.locator('#window-low').fill('-77');
  await frame.locator('#window-high').press('Enter');
  await frame.locator('[data-label="1"] + .only').click({ force: true });
  await eventually(async () => (await slice(frame, 2).getAttribute('data-index')) === '1', 'the second slice');
  await callCommand(page, server, 'voco.openComparison', [
    {
      uri: 'data/imagesTr/img07.nii',
      name: 'first',
      overlays: [{ uri: 'data/labelsTr/label07.nii', mode: 'outline' }],
    },
    { uri: 'data/imagesTr/img08.nii', name: 'second' },
  ]);
  await webview(page, '.pane + .pane');
  await reloadWindow(page);
  const compared = await webview(page, '.pane + .pane');
  await drawn(compared);
  assert.deepEqual(await compared.locator('.pane h2').allInnerTexts(), ['first', 'second']);
  await eventually(
    async () => (await compared.locator('.overlay-row vscode-dropdown').getAttribute('current-value')) === 'outline',
    'the outline of the label',
  );
  await screenshotInThemes(page, 'volume-restored');
  await page.locator('.tab').filter({ hasText: 'img07.nii' }).first().click();
  const single = await webview(page, '#app[data-drawn="true"] .overlay-row');
  await eventually(async () => (await slice(single, 2).getAttribute('data-index')) === '1', 'the second slice again');
  assert.equal(await single.locator('#window-low').inputValue(), '-77');
  await eventually(
    async () => (await single.locator('[data-label="1"] + .only').getAttribute('aria-pressed')) === 'true',
    'the spleen alone again',
  );
});

/** The window in the toolbar. */
const windowOf = async (frame) => [
  Number(await frame.locator('#window-low').inputValue()),
  Number(await frame.locator('#window-high').inputValue()),
];

async function drag(frame, plane, [x0, y0], [x1, y1], button = 'left') {
  const box = await slice(frame, plane).boundingBox();
  await page.mouse.move(box.x + x0 * box.width, box.y + y0 * box.height);
  await page.mouse.down({ button });
  await page.mouse.move(box.x + x1 * box.width, box.y + y1 * box.height, { steps: 4 });
  await page.mouse.up({ button });
}

/** The voxel of the file under a place of a canvas. */
async function voxelAt(frame, plane, across, down) {
  const box = await slice(frame, plane).boundingBox();
  await slice(frame, plane).hover({ position: { x: across * box.width, y: down * box.height } });
  const text = await frame.locator('.readout').innerText();
  return /voxel (\d+), (\d+), (\d+)/.exec(text).slice(1).map(Number);
}

test('the window follows each named window and dragging; zoom and pan keep voxels under the pointer', async () => {
  await runCommand(page, 'View: Close All Editors');
  const frame = await openVolume(page, 'img08.nii');
  const windows = [
    ['Abdomen', -160, 240],
    ['Liver', -15, 135],
    ['Lung', -1350, 150],
    ['Bone', -500, 1300],
    ['Brain', 0, 80],
    ['VoCo', -175, 250],
  ];
  for (const [name, low, high] of windows) {
    await frame.locator('#named-window').click();
    await frame.locator('#named-window vscode-option', { hasText: name }).click();
    await eventually(async () => (await windowOf(frame)).join() === `${low},${high}`, `the window ${name}`);
  }
  await drag(frame, 2, [0.4, 0.5], [0.6, 0.5], 'right');
  const wide = await eventually(async () => {
    const [low, high] = await windowOf(frame);
    return high - low > 430 && [low, high];
  }, 'a wider window by dragging to the right');
  await frame.locator('#tool-window').click();
  await drag(frame, 2, [0.5, 0.6], [0.5, 0.4]);
  await eventually(async () => (await windowOf(frame))[0] !== wide[0], 'another level by dragging up');
  const [left, right] = [await voxelAt(frame, 2, 0.3, 0.5), await voxelAt(frame, 2, 0.7, 0.5)];
  await slice(frame, 2).hover();
  await page.keyboard.down('Control');
  await page.mouse.wheel(0, -277);
  await page.keyboard.up('Control');
  const near = await eventually(async () => {
    const zoomed = [await voxelAt(frame, 2, 0.3, 0.5), await voxelAt(frame, 2, 0.7, 0.5)];
    return zoomed[1][0] - zoomed[0][0] < right[0] - left[0] && zoomed;
  }, 'the slice twice as large');
  assert.ok(Math.abs(near[1][0] - near[0][0] - (right[0] - left[0]) / 2) <= 1.5, `${near} from ${left} to ${right}`);
  await frame.locator('#tool-pan').click();
  await drag(frame, 2, [0.7, 0.5], [0.3, 0.5]);
  await eventually(async () => (await voxelAt(frame, 2, 0.3, 0.5)).join() === near[1].join(), 'the view moved along');
  await frame.locator('#reset-view').click();
});

test('steps through a 4-D file, plays its slices, and saves what is shown', async () => {
  const frame = await openVolume(page, 'time.nii', '#app[data-drawn="true"]:has(.pane[aria-label="time.nii"])');
  const first = (await middle(frame)).value;
  await frame.locator('#channel').fill('1');
  await eventually(async () => (await middle(frame)).value === first + 1000, 'the second volume');
  await slice(frame, 2).focus();
  const index = async () => Number(await slice(frame, 2).getAttribute('data-index'));
  await page.keyboard.press('Home');
  await eventually(async () => (await index()) === 0, 'the first slice');
  await page.keyboard.press(' ');
  await eventually(async () => (await index()) >= 2, 'the slices move');
  await page.keyboard.press(' ');
  await frame.locator('#play', { hasText: 'Play' }).waitFor();
  const stopped = await index();
  await page.waitForTimeout(400);
  assert.equal(await index(), stopped);
  await frame.locator('#screenshot').click();
  const file = join(folder, 'shown.png');
  await saveAs(page, file, 'time.png');
  const png = readFileSync(file);
  assert.equal(png.subarray(1, 4).toString(), 'PNG');
  const panes = await frame.locator('.panes').boundingBox();
  assert.ok(Math.abs(png.readUInt32BE(16) - panes.width) <= 1, 'as wide as what is shown');
  await eventually(
    async () => /Saved .*shown\.png/.test(await frame.locator('header .message').innerText()),
    'says so',
  );
});

test('a file that is being written keeps its last good picture until it is whole', async () => {
  writeVolume(join(folder, 'writing.nii'), [8, 8, 8], () => 5);
  const frame = await openVolume(page, 'writing.nii', '#app[data-drawn="true"]:has(.pane[aria-label="writing.nii"])');
  assert.equal((await middle(frame)).value, 5);
  writeVolume(join(folder, 'writing.nii'), [8, 8, 8], () => 6);
  truncateSync(join(folder, 'writing.nii'), 700);
  const message = frame.locator('.pane .message.error');
  await eventually(async () => /truncated/.test((await message.allInnerTexts()).join()), 'the reason');
  assert.equal((await middle(frame)).value, 5);
  writeVolume(join(folder, 'writing.nii'), [8, 8, 8], () => 6);
  await eventually(async () => (await middle(frame).catch(() => ({}))).value === 6, 'the new values');
  assert.equal(await message.count(), 0);
});

test('odd files are shown with a warning, or refused with the reason; none is a blank page', async () => {
  for (const [name, warning] of Object.entries(SHOWN)) {
    const frame = await openVolume(page, name, `.pane[aria-label="${name}"] canvas[data-late="false"]`);
    await eventually(
      async () => warning.test((await frame.locator('.warning').allInnerTexts()).join()),
      `${name} warns`,
    );
    assert.ok(Number.isFinite((await middle(frame)).value), `${name} has a value in the middle`);
  }
  for (const [name, reason] of Object.entries(REFUSED)) {
    await openFile(page, name);
    const frame = await webview(page, `.pane[aria-label="${name}"] .message.error`);
    assert.match(await frame.locator('.pane .message.error').innerText(), reason);
  }
});
