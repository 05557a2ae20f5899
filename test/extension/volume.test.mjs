// The volume viewer in a real workbench: values, colours, keys, overlays, and how it is without WebGL.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { callCommand, drawn, installCaller, openVolume, slice, waitForViewer, writeVolume } from './volumes.mjs';
import {
  eventually,
  openWorkbench,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

const SIZE = [48, 40, 30];
/** A body with two organs; outside of them every voxel tells its index. */
const organ = (x, y, z) =>
  Math.hypot(x - 16, y - 20, z - 15) < 7 ? 6 : Math.hypot(x - 34, y - 20, z - 15) < 5 ? 1 : 0;
const value = (x, y, z) => (organ(x, y, z) ? 100 + 20 * organ(x, y, z) : x + 3 * y + 5 * z - 400);
/** A prediction that has the liver 4 voxels (8 mm) too far along x, and takes the spleen for a kidney. */
const predicted = (x, y, z) => (organ(x - 4, y, z) === 6 ? 6 : organ(x, y, z) === 1 ? 3 : 0);
let server, browser, page;

async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1400, height: 900 });
  await waitForViewer(page);
}
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-volumes-'));
  for (const name of ['imagesTr', 'labelsTr']) mkdirSync(join(workspace, name));
  writeVolume(join(workspace, 'imagesTr/img01.nii'), SIZE, value);
  writeVolume(join(workspace, 'imagesTr/small.nii'), [24, 20, 15], (x, y, z) => value(2 * x, 2 * y, 2 * z), { mm: 4 });
  writeVolume(join(workspace, 'labelsTr/label01.nii'), SIZE, organ, { bytes: 1 });
  writeVolume(join(workspace, 'case.nii'), SIZE, value);
  writeVolume(join(workspace, 'prediction.nii'), SIZE, predicted, { bytes: 1 });
  writeFileSync(join(workspace, 'labels.tsv'), 'index\tname\n1\tspleen\n3\tleft kidney\n6\tliver\n');
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

const indexOf = async (frame, plane) => Number(await slice(frame, plane).getAttribute('data-index'));

/** Colour at a fraction of a canvas. */
const pixel = (frame, plane, across, down) =>
  slice(frame, plane).evaluate(
    (canvas, [x, y]) => [
      ...canvas.getContext('2d').getImageData(Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data,
    ],
    [across, down],
  );

/** Value and voxel that the side bar tells for a place of a canvas. */
async function hover(frame, plane, across, down) {
  const box = await slice(frame, plane).boundingBox();
  await slice(frame, plane).hover({ position: { x: across * box.width, y: down * box.height } });
  const text = await frame.locator('.readout').innerText();
  const voxel = /voxel (\d+), (\d+), (\d+)/.exec(text).slice(1).map(Number);
  return { text, voxel, value: Number(await frame.locator('.readout .value').first().innerText()) };
}

/** The viewer of the image: the one that is open, else a new one. */
async function image() {
  const shown = '#app[data-drawn="true"]:has(.pane[aria-label="img01.nii"])';
  return (await webviewNow(page, shown)) ?? openVolume(page, 'img01.nii', shown);
}

test('shows three planes and a 3-D rendering; values under the pointer are those of the file', async () => {
  const frame = await image();
  for (const [across, down] of [
    [0.3, 0.3],
    [0.55, 0.62],
    [0.7, 0.4],
  ]) {
    for (const plane of [0, 1, 2]) {
      const seen = await hover(frame, plane, across, down);
      assert.equal(seen.value, value(...seen.voxel), `plane ${plane}: ${seen.text}`);
    }
  }
  const all = [];
  for (let z = 0; z < SIZE[2]; z++) {
    for (let y = 0; y < SIZE[1]; y++) for (let x = 0; x < SIZE[0]; x++) all.push(value(x, y, z));
  }
  const range = `Values\t${Math.min(...all)} to ${Math.max(...all)}`;
  await eventually(
    async () => (await frame.locator('aside tr').allInnerTexts()).includes(range),
    'the range of values',
  );
  // The file's first axis runs left, the screen's left is the patient's right: columns agree.
  const { voxel: left } = await hover(frame, 2, 0.3, 0.5);
  const { voxel: right } = await hover(frame, 2, 0.7, 0.5);
  assert.ok(left[0] < right[0]);
  await frame.locator('.rendering[data-rendered]').waitFor();
  const picture = await frame.locator('.rendering').screenshot();
  assert.ok(picture.length > 6000, `a rendering of ${picture.length} bytes is an empty one`);
});

test('scrolls by wheel, keys and slider, and the crosshair links the planes', async () => {
  const frame = await image();
  const canvas = slice(frame, 2);
  const start = await indexOf(frame, 2);
  await canvas.hover();
  await page.mouse.wheel(0, -40);
  await eventually(async () => (await indexOf(frame, 2)) === start + 1, 'the wheel moves by a slice');
  await canvas.focus();
  await page.keyboard.press('PageUp');
  await eventually(async () => (await indexOf(frame, 2)) === start + 2, 'Page Up moves by a slice');
  await page.keyboard.press('Home');
  await eventually(async () => (await indexOf(frame, 2)) === 0, 'Home goes to the first slice');
  await frame.locator('input[aria-label="Axial slice"]').fill('15');
  await eventually(async () => (await indexOf(frame, 2)) === 15, 'the slider goes to its slice');
  const box = await canvas.boundingBox();
  await canvas.click({ position: { x: 0.4 * box.width, y: 0.5 * box.height } });
  const { voxel } = await hover(frame, 2, 0.4, 0.5);
  await eventually(async () => (await indexOf(frame, 0)) === SIZE[0] - 1 - voxel[0], 'the sagittal slice follows');
  await eventually(async () => (await indexOf(frame, 1)) === SIZE[1] - 1 - voxel[1], 'the coronal slice follows');
});

async function setWindow(frame, low, high) {
  await frame.locator('#window-low').fill(String(low));
  await frame.locator('#window-high').fill(String(high));
  await frame.locator('#window-high').press('Enter');
  await drawn(frame);
}

test('the window follows the named windows, keys and typed numbers', async () => {
  const frame = await image();
  const low = frame.locator('#window-low');
  await eventually(async () => (await low.inputValue()) === '-175', 'Hounsfield units get the VoCo window first');
  await slice(frame, 2).focus();
  await page.keyboard.press('Shift+ArrowUp');
  await eventually(async () => Number(await low.inputValue()) > -175, 'brightness by keys');
  await setWindow(frame, -400, 400);
  await slice(frame, 2).focus();
  await page.keyboard.press('0');
  const { value: under } = await hover(frame, 2, 0.3, 0.3);
  await page.mouse.move(0, 0);
  const [grey] = await pixel(frame, 2, 0.3, 0.3);
  assert.ok(Math.abs(grey - ((under + 400) / 800) * 255) < 1.01, `${grey} for ${under}`);
});

test('labels of the sibling file are offered, coloured by organ, hidden one by one', async () => {
  const frame = await image();
  await setWindow(frame, -400, 400);
  await slice(frame, 2).focus();
  await page.keyboard.press('0');
  await frame.locator('input[aria-label="Axial slice"]').fill('15');
  await frame.locator('#show-labels').click();
  await frame.locator('[data-label="6"]').waitFor();
  await drawn(frame);
  await eventually(async () => (await frame.locator('[data-label]').allInnerTexts()).join().includes('liver'), 'names');
  // The middle of the larger organ, on the canvas: half of its colour, half of the grey below.
  const place = await eventually(async () => {
    for (let across = 0.25; across < 0.5; across += 0.02) {
      const { text, voxel } = await hover(frame, 2, across, 0.5);
      if (/label01.nii: liver/.test(text) && Math.hypot(voxel[0] - 16, voxel[1] - 20) < 4) return across;
    }
    return undefined;
  }, 'the liver under the pointer');
  await page.mouse.move(0, 0);
  const below = ((220 + 400) / 800) * 255;
  const expected = [0xc7, 0x7b, 0x58].map((level) => (level + below) / 2);
  await eventually(async () => {
    const colour = await pixel(frame, 2, place, 0.46);
    return expected.every((level, i) => Math.abs(level - colour[i]) < 3);
  }, 'the colour of the liver');
  await screenshotInThemes(page, 'volume-labels');
  await frame.locator('[data-label="6"]').click();
  await eventually(async () => {
    const colour = await pixel(frame, 2, place, 0.46);
    return Math.abs(colour[0] - below) < 3 && Math.abs(colour[2] - below) < 3;
  }, 'the grey below after hiding');
});

test('a measured distance is the distance in millimetres', async () => {
  const frame = await image();
  await slice(frame, 2).focus();
  await page.keyboard.press('m');
  const from = await hover(frame, 2, 0.3, 0.6);
  const to = await hover(frame, 2, 0.7, 0.6);
  const box = await slice(frame, 2).boundingBox();
  await page.mouse.move(box.x + 0.3 * box.width, box.y + 0.6 * box.height);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.7 * box.width, box.y + 0.6 * box.height, { steps: 4 });
  await page.mouse.up();
  const shown = await eventually(async () => {
    const label = (await slice(frame, 2).getAttribute('aria-label')) ?? '';
    return /distance ([\d.]+) mm/.exec(label)?.[1];
  }, 'the distance');
  assert.ok(Math.abs(Number(shown) - 2 * Math.abs(from.voxel[0] - to.voxel[0])) <= 2.1, shown);
  await page.keyboard.press('c');
});

/** Where a voxel of the file is on the axial slice, as fractions of the canvas, while the view is as it was opened. */
async function placeOf(frame, x, y) {
  const { width, height } = await slice(frame, 2).boundingBox();
  const scale = Math.min(width / SIZE[0], height / SIZE[1]);
  return [0.5 + ((x - (SIZE[0] - 1) / 2) * scale) / width, 0.5 + ((y - (SIZE[1] - 1) / 2) * scale) / height];
}

/** Colours at full opacity; the grey of the liver in the window of −175 to 250. */
const [MISSED, EXTRA, CONFUSED] = ['59,157,255', '255,140,26', '240,60,230'];
const [LIVER, GREY] = ['199,123,88', '237,237,237'];

/** Waits until the axial slice has a colour at a voxel of the file. */
async function eventuallyColoured(frame, [x, y], colour, what) {
  const place = await placeOf(frame, x, y);
  let seen;
  const look = async () => (seen = (await pixel(frame, 2, ...place)).slice(0, 3).join()) === colour;
  await eventually(look, what).catch((error) => {
    throw new Error(`${error.message}: ${seen} instead of ${colour}`);
  });
}

/** A case as another panel opens it: ground truth, prediction and an error map at slice 14, fully opaque. */
async function openCase() {
  // The command does not start the extension: a volume that is open does.
  await image();
  await runCommand(page, 'View: Close All Editors');
  const truth = { uri: 'labelsTr/label01.nii', name: 'ground truth', mode: 'outline' };
  const prediction = { uri: 'prediction.nii', name: 'prediction', mode: 'labels', hidden: true };
  const errors = { uri: 'prediction.nii', name: 'errors', mode: 'error' };
  const how = { overlays: [truth, prediction, errors], slice: { axis: 2, index: 14 } };
  await callCommand(page, server, 'voco.openVolume', { only: { uri: 'case.nii' } }, how);
  const frame = await webview(page, '.overlay-row:nth-child(3)');
  await drawn(frame);
  await frame.locator('#opacity').fill('1');
  return frame;
}

test('other panels open a case with ground truth, prediction and an error map at a slice, one organ alone', async () => {
  const frame = await openCase();
  assert.equal(await indexOf(frame, 2), 14);
  await eventuallyColoured(frame, [11, 22], MISSED, 'liver in the truth only');
  const { text, voxel } = await hover(frame, 2, ...(await placeOf(frame, 11, 22)));
  assert.deepEqual(voxel, [11, 22, 14]);
  assert.match(text, /ground truth: liver/);
  assert.match(text, /prediction: background/);
  await eventuallyColoured(frame, [25, 18], EXTRA, 'liver in the prediction only');
  await eventuallyColoured(frame, [34, 22], CONFUSED, 'spleen taken for a kidney');
  await eventuallyColoured(frame, [18, 22], GREY, 'nothing where both agree');
  await screenshotInThemes(page, 'volume-errors');

  // The same tab, at another slice, with the spleen alone: what was confused is now missed, and the liver is not compared.
  await callCommand(
    page,
    server,
    'voco.openVolume',
    { only: { uri: 'case.nii' } },
    {
      slice: { axis: 2, index: 16 },
      label: 1,
    },
  );
  await eventually(async () => (await indexOf(frame, 2)) === 16, 'the other slice');
  await eventuallyColoured(frame, [34, 22], MISSED, 'the spleen was not found');
  await eventuallyColoured(frame, [11, 22], GREY, 'the liver is not compared');
  assert.equal(await page.locator('.tab').filter({ hasText: 'case.nii' }).count(), 1);
});

test('overlays are shown in turns, one by one by hand too', async () => {
  const frame = await openCase();
  const rows = frame.locator('.overlay-row');
  await rows.nth(0).locator('vscode-checkbox').click();
  await rows.nth(1).locator('vscode-checkbox').click();
  const liver = (colour, what) => eventuallyColoured(frame, [25, 18], colour, what);
  await slice(frame, 2).focus();
  await page.keyboard.press('n');
  await liver(LIVER, 'the prediction alone');
  await page.keyboard.press('n');
  await liver(EXTRA, 'the errors alone');
  await page.keyboard.press('b');
  await frame.locator('#blink').click();
  for (const colour of [LIVER, EXTRA, LIVER]) await liver(colour, `blinking to ${colour}`);
  await frame.locator('#blink').click();
});

test('without WebGL the slices are there and the reason why 3-D is not', async () => {
  const plain = await startBrowser(['--disable-3d-apis']);
  try {
    const window = await openWorkbench(plain, server.url(), { width: 1200, height: 800 });
    await waitForViewer(window);
    const frame = await openVolume(window, 'img01.nii');
    await eventually(async () => /WebGL2/.test(await frame.locator('.rendering .note').innerText()), 'the reason');
    const seen = await hover(frame, 1, 0.4, 0.4);
    assert.equal(seen.value, value(...seen.voxel));
    await screenshot(window, 'volume-no-webgl');
  } finally {
    await plain.close();
  }
});
