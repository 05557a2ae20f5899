// The preview of crops in a real workbench: numbers, moving the crop, following unsaved edits, errors in place.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { waitForViewer, writeVolume } from './volumes.mjs';
import {
  eventually,
  openFile,
  openWorkbench,
  runCommand,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

const config = {
  kind: 'pretrain',
  name: 'preview',
  data: {
    train: [{ folder: 'imagesTr' }],
    preprocess: { resize: [96, 96, 32] },
    cache: { enabled: false },
  },
  method: { grid: [3, 3, 1], crop: [32, 32, 32], input: [64, 64, 64] },
};
let server, browser, page, frame;

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-crops-'));
  mkdirSync(join(workspace, 'imagesTr'));
  for (const name of ['one', 'two']) {
    writeVolume(join(workspace, `imagesTr/${name}.nii`), [64, 56, 40], (x, y, z) =>
      Math.hypot((x - 32) / 28, (y - 28) / 24) < 1 ? 20 + 3 * ((x + 2 * y + z) % 30) : -1000,
    );
  }
  writeFileSync(join(workspace, 'preview.voco.json'), JSON.stringify(config, null, 2));
  server = await startServer({ workspace });
  rmSync(workspace, { recursive: true });
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url(), { width: 1500, height: 900 });
  await waitForViewer(page);
  await openFile(page, 'preview.voco.json');
  await runCommand(page, 'VoCo: Preview Crops');
  frame = await webview(page, '#app[data-drawn="true"]', 60_000);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const shares = async () => (await frame.locator('.label .share').allInnerTexts()).map(Number);
const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Replaces a piece of the config in its editor, as typing does, without saving. */
async function edit(from, to) {
  await page.locator('.editor-group-container').first().locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('Control+H');
  const widget = page.locator('.find-widget.visible');
  await widget.locator('.find-part textarea').fill(from);
  await widget.locator('.replace-part textarea').fill(to);
  await widget.locator('.replace-part textarea').focus();
  await page.keyboard.press('Control+Alt+Enter');
  await page.keyboard.press('Escape');
}

test('shows the steps of preprocessing and the position label of the crop that training draws', async () => {
  const stages = await frame.locator('figure').evaluateAll((all) => all.map((one) => one.dataset.stage));
  assert.deepEqual(stages, ['load', 'orientation', 'intensity', 'foreground', 'resize']);
  assert.match(await frame.locator('figure').first().innerText(), /64 × 56 × 40/);
  assert.match(await frame.locator('figure').last().innerText(), /96 × 96 × 32/);
  const label = await shares();
  assert.equal(label.length, 9);
  assert.ok(Math.abs(sum(label) - 1) < 0.005, label.join());
  await screenshotInThemes(page, 'crops');
});

test('a crop moved onto a base crop has the label 1 there', async () => {
  const box = await frame.locator('canvas[data-plane="2"]').boundingBox();
  await frame.locator('canvas[data-plane="2"]').click({ position: { x: box.width / 2, y: box.height / 2 } });
  await eventually(async () => Math.max(...(await shares())) > 0.85, 'the middle base crop holds the crop');
  const label = await shares();
  assert.equal(label.indexOf(Math.max(...label)), 4);
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await eventually(async () => Math.max(...(await shares())) < 0.7, 'the crop moves by keys');
});

test('follows edits that are not saved, and keeps the picture when the config is wrong', async () => {
  await edit('"crop": [', '"randomCrops": 3, "crop": [');
  await eventually(async () => (await frame.locator('#choice option[value="random/2"]').count()) === 1, 'a third crop');
  await edit('"randomCrops": 3', '"randomCrops": "many"');
  await eventually(async () => /randomCrops/.test(await frame.locator('.message').innerText()), 'the error in place');
  assert.equal(await frame.locator('#app').getAttribute('data-drawn'), 'true');
  await edit('"randomCrops": "many"', '"randomCrops": 1');
  await eventually(async () => (await frame.locator('.message').innerText()) === '', 'the error goes');
});
