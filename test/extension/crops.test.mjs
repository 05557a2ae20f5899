// The preview of crops in a real workbench: numbers, moving the crop, following unsaved edits, errors in place.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { waitForViewer } from './volumes.mjs';
import {
  eventually,
  openFile,
  openWorkbench,
  runCommand,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

const config = {
  kind: 'pretrain',
  name: 'preview',
  threads: 1,
  data: {
    train: [{ folder: 'phantom/imagesTr' }],
    preprocess: { resize: [96, 96, 32] },
    cache: { enabled: false },
    workers: 0,
  },
  method: { grid: [3, 3, 1], crop: [32, 32, 32], input: [16, 16, 32], projector: { hidden: 64, out: 64 } },
  network: { name: 'unet3d', featureSize: 4 },
  optimizer: { lr: 0.002 },
  schedule: { warmupSteps: 5 },
  train: { steps: 20, batch: 1, checkpointEvery: 20 },
};
const voco = join(import.meta.dirname, '../../dist/voco.cjs');
let server, browser, page, frame;

async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1500, height: 900 });
  await waitForViewer(page);
  await openFile(page, 'preview.voco.json');
  await runCommand(page, 'VoCo: Preview Crops');
  frame = await webview(page, '#app[data-drawn="true"]');
}
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  const workspace = mkdtempSync(join(tmpdir(), 'voco-crops-'));
  const run = (...args) => {
    const { status, stderr } = spawnSync(process.execPath, [voco, ...args], { cwd: workspace, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  run('phantom', '--out', 'phantom', '--cases', '3', '--size', '96,96,64');
  writeFileSync(join(workspace, 'preview.voco.json'), JSON.stringify(config, null, 2));
  run('pretrain', 'preview.voco.json');
  server = await startServer({ workspace });
  rmSync(workspace, { recursive: true });
  browser = await startBrowser();
  await open();
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
  await widget.locator('.matchesCount', { hasText: /of 1$/ }).waitFor();
  await page.keyboard.press('Control+Alt+Enter');
  await page.keyboard.press('Escape');
}

const fields = async (name) =>
  Promise.all(
    ['x', 'y', 'z'].map(async (axis) => Number(await frame.locator(`[data-field="${name}-${axis}"]`).inputValue())),
  );

/** Puts the crop back to where training draws it. */
async function drawnCrop() {
  const back = frame.locator('#drawn-crop');
  if (await back.isVisible()) await back.click();
  await back.waitFor({ state: 'hidden' });
}

/** Moves the centre of the crop by the fields. */
async function moveTo(x, y) {
  for (const [axis, at] of [
    ['y', y],
    ['x', x],
  ]) {
    await frame.locator(`[data-field="centre-${axis}"]`).fill(String(at));
    await frame.locator(`[data-field="centre-${axis}"]`).press('Enter');
  }
  await eventually(async () => (await fields('centre')).join() === `${x},${y},16`, `the crop at ${x}, ${y}`);
}

test('shows the steps of preprocessing and the position label of the crop that training draws', async () => {
  const stages = await frame.locator('figure').evaluateAll((all) => all.map((one) => one.dataset.stage));
  assert.deepEqual(stages, ['load', 'orientation', 'intensity', 'foreground', 'resize']);
  assert.match(await frame.locator('figure').first().innerText(), /96×96×64/);
  assert.match(await frame.locator('figure').last().innerText(), /96×96×32/);
  const label = await shares();
  assert.equal(label.length, 9);
  assert.ok(Math.abs(sum(label) - 1) < 0.005, label.join());
  await frame.locator('#scene[data-body="true"]').waitFor();
});

test('the view in 3-D is turned by keys and by dragging', async () => {
  const scene = frame.locator('#scene');
  const before = await scene.getAttribute('aria-label');
  await scene.focus();
  await page.keyboard.press('ArrowRight');
  const turned = await scene.getAttribute('aria-label');
  assert.notEqual(turned, before);
  const { x, y, width, height } = await scene.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2 + 30, y + height / 2 + 10);
  await page.mouse.up();
  assert.notEqual(await scene.getAttribute('aria-label'), turned);
  await page.keyboard.press('Home');
  assert.equal(await scene.getAttribute('aria-label'), before);
});

test('a crop moved onto a base crop has the label 1 there, and goes on by keys', async () => {
  await drawnCrop();
  await moveTo(48, 48);
  await eventually(async () => Math.max(...(await shares())) > 0.99, 'the middle base crop holds the crop');
  const label = await shares();
  assert.equal(label.indexOf(Math.max(...label)), 4);
  await frame.locator('canvas[data-plane="2"]').focus();
  await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Shift+ArrowLeft');
  await eventually(async () => (await fields('centre')).join() === '64,48,16', 'the crop moves by keys');
  await eventually(async () => Math.max(...(await shares())) < 0.7, 'its label follows');
});

test('the crop is moved and resized by the pointer', async () => {
  await drawnCrop();
  await moveTo(64, 48);
  const canvas = frame.locator('canvas[data-plane="2"]');
  const { x, y, width, height } = await canvas.boundingBox();
  const [, , mm] = (await frame.locator('figure').last().innerText()).split('\n');
  const [dx, dy] = mm.split('×').map((text) => Number.parseFloat(text));
  // The 96 × 96 voxels fit the canvas; columns run from the patient's right.
  const scale = Math.min(width / (96 * dx), height / (96 * dy));
  const at = (across, up) => [x + width / 2 - (across - 47.5) * dx * scale, y + height / 2 - (up - 47.5) * dy * scale];
  const drag = async (from, to) => {
    await page.mouse.move(...at(...from));
    await page.mouse.down();
    await page.mouse.move(...at(...to), { steps: 4 });
    await page.mouse.up();
  };
  await drag([64, 48], [56, 60]);
  await eventually(async () => (await fields('centre')).join() === '56,60,16', 'the crop moved by its inside');
  await drag([40 - 0.5, 60], [28 - 0.5, 60]);
  await eventually(async () => (await fields('size')).join() === '44,32,32', 'the crop resized by its edge');
  assert.deepEqual(await fields('centre'), [50, 60, 16]);
  assert.ok(Math.abs(sum(await shares()) - 1) < 0.005);
  await canvas.focus();
  await page.keyboard.press('Control+Shift+ArrowUp');
  await eventually(async () => (await fields('size'))[1] === 40, 'the crop resized by keys');
  await frame.locator('#drawn-crop').click();
  await eventually(async () => (await fields('size')).join() === '32,32,32', 'back to the drawn crop');
});

test('draws of other epochs, and each augmentation on its own', async () => {
  await drawnCrop();
  const drawn = await fields('centre');
  await frame.locator('#next-draw').click();
  await eventually(async () => (await fields('centre')).join() !== drawn.join(), 'another draw');
  await frame.locator('#previous-draw').click();
  await eventually(async () => (await fields('centre')).join() === drawn.join(), 'the first draw again');
  for (const name of ['flip', 'rotate', 'shift']) await frame.locator(`#augment-${name}`).click();
  await eventually(async () => /not changed/.test(await frame.locator('#augmentation').innerText()), 'no augmentation');
  for (const name of ['flip', 'rotate', 'shift']) await frame.locator(`#augment-${name}`).click();
});

test('a checkpoint says where it believes crops to be', async () => {
  await drawnCrop();
  const choices = frame.locator('#checkpoint');
  const option = choices.locator('option').filter({ hasText: 'step 20' });
  await option.waitFor({ state: 'attached' });
  await choices.selectOption(await option.getAttribute('value'));
  await frame.locator('#network[data-predicted="true"]').waitFor();
  await frame.locator('#network[data-report="true"]').waitFor();
  const answers = async () => (await frame.locator('.label .answer').allInnerTexts()).map(Number);
  const first = await answers();
  assert.equal(first.length, 9);
  assert.ok(first.every((value) => value >= 0 && value <= 1));
  const summary = await frame.locator('#network-summary').innerText();
  assert.match(summary, /% of 96 random crops/);
  console.log(summary.replaceAll('\n', ' '));
  await frame.locator('.matrix').waitFor();
  await screenshotInThemes(page, 'crops');
  await frame.locator('canvas[data-plane="2"]').focus();
  await page.keyboard.press('Shift+ArrowUp');
  await eventually(async () => {
    const now = await answers();
    return now.length === 9 && now.join() !== first.join();
  }, "the network's answer to the crop that was moved");
});

// How soon: bench/editor.mjs.
test('follows edits that are not saved, and keeps the picture when the config is wrong', async () => {
  const shows = (selector, pattern) => frame.locator(selector).filter({ hasText: pattern }).first().waitFor();
  await edit('"crop": [\n      32', '"crop": [\n      24');
  await shows('#where', /^24×32/);
  await edit('"resize": [\n        96', '"resize": [\n        84');
  await shows('figure', /84×96×32/);
  await edit('"method": {', '"method": { "randomCrops": 3,');
  await eventually(async () => (await frame.locator('#choice option[value="random/2"]').count()) === 1, 'a third crop');
  await edit('"randomCrops": 3', '"randomCrops": "many"');
  await eventually(async () => /randomCrops/.test(await frame.locator('.message').innerText()), 'the error in place');
  assert.equal(await frame.locator('#app').getAttribute('data-drawn'), 'true');
  await edit('"randomCrops": "many"', '"randomCrops": 1');
  await eventually(async () => (await frame.locator('.message').innerText()) === '', 'the error goes');
});
