// What the editor does for a config before anything is trained.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { makeSample, writeConfig } from './samples.mjs';
import {
  answer,
  eventually,
  openFile,
  openWorkbench,
  pick,
  reloadWindow,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
  within,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

/** A network so small that a step takes a tenth of a second on one slow core. */
const config = {
  kind: 'pretrain',
  name: 'tiny',
  threads: 1,
  data: {
    train: [{ datalist: 'sample/dataset_0.json', key: 'training' }],
    validation: [{ datalist: 'sample/dataset_0.json', key: 'validation' }],
    preprocess: { resize: [64, 64, 32] },
  },
  method: { grid: [2, 2, 1], crop: [32, 32, 32], input: [32, 32, 32], randomCrops: 1 },
  network: { name: 'unet3d', featureSize: 4 },
  schedule: { warmupSteps: 5 },
  train: { steps: 20_000, batch: 1 },
};

/** Volumes that are too small for the grid, and a misspelt datalist. */
const wrong = {
  ...config,
  name: 'wrong',
  data: {
    train: [{ datalist: 'sample/dataset_0.json' }],
    validation: [{ datalist: 'sample/dataset0.json' }],
    preprocess: { resize: null },
  },
  method: { ...config.method, grid: [4, 4, 1] },
};

before(async () => {
  server = await startServer();
  makeSample(server, 4);
  writeConfig(server, 'tiny', config);
  writeConfig(server, 'wrong', wrong);
  writeConfig(server, 'pair', { ...config, name: 'pair', method: { name: 'spark' }, network: { name: 'swin-unetr' } });
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The estimate beside the config: the one that is there, else a new one. */
async function estimate() {
  const ready = '.cards[data-ready="true"]';
  if (!(await webviewNow(page, ready))) {
    await openFile(page, 'tiny.voco.json');
    await page.locator('.codelens-decoration a', { hasText: 'Estimate' }).click();
  }
  return webview(page, ready);
}

test('a run is estimated beside its config: memory, disk and measured time', async () => {
  const frame = await estimate();
  const titles = await frame.locator('.card h2').allTextContents();
  assert.deepEqual(titles, ['Time', 'Memory', 'Cache', 'Checkpoints', 'Data', 'Network']);
  const card = (title) => frame.locator('.card').filter({ has: page.locator(`h2:text-is("${title}")`) });
  assert.match(await card('Time').textContent(), /20,000 steps of .* s.*measured on \w+ just now/);
  assert.match(await card('Data').textContent(), /3 volumesand 1 held out/);
  await frame.locator('#start', { hasText: 'Pre-train' }).waitFor();
  assert.equal(existsSync(join(server.folder, 'runs')), false);
  await screenshotInThemes(page, 'estimate');
});

test('an estimate survives a reload without being made again', async () => {
  await estimate();
  await reloadWindow(page);
  const frame = await webview(page, '.cards[data-ready="true"]');
  assert.match(await frame.locator('.message').textContent(), /^Estimated /);
});

/** Puts the cursor on a word of the config and takes the quick fix that is offered there once the edit before is checked. */
async function quickFix(word, offered) {
  const action = page.locator('.action-widget .monaco-list-row', { hasText: offered }).first();
  await eventually(async () => {
    // The text cursor may stand in the way.
    await page.locator('.view-line span span', { hasText: word }).first().click({ force: true });
    await page.keyboard.press('Control+.');
    const shown = await within(5000, (timeout) => action.waitFor({ timeout }));
    if (!shown) await page.keyboard.press('Escape');
    return shown;
  }, offered);
  await page.keyboard.press('Enter');
}

/** Goes from problem to problem until one says this. */
async function goToProblem(text) {
  const message = page.locator('.zone-widget .message').filter({ hasText: text });
  await eventually(async () => {
    await page.keyboard.press('F8');
    return within(5000, (timeout) => message.waitFor({ timeout }));
  }, `the problem: ${text}`);
}

test('what the files say to a config stands on its lines, with quick fixes', async () => {
  await runCommand(page, 'View: Close All Editors');
  await openFile(page, 'wrong.voco.json');
  await eventually(async () => (await page.locator('.squiggly-error').count()) >= 2, 'two errors underlined');
  await goToProblem('did you mean "sample/dataset_0.json"?');
  await goToProblem('need 128×128×32 voxels, but 3 of 3 volumes are smaller');
  await screenshotInThemes(page, 'config-data-errors');
  await page.keyboard.press('Escape');
  await quickFix('"grid"', 'Resize every volume to 128×128×32');
  await page.locator('.view-line', { hasText: '"resize": [' }).waitFor();
  await eventually(async () => (await page.locator('.squiggly-error').count()) === 1, 'one error is left');
  await quickFix('"sample/dataset0.json"', 'Change to "sample/dataset_0.json"');
  // Without a key the datalist's training list is meant, which is trained on already.
  await goToProblem('training sees 3 volumes of it');
  await page.keyboard.press('Escape');
  await runCommand(page, 'View: Revert and Close Editor');
});

test('completion offers only networks that can learn the task, and a refused pair is changed by a quick fix', async () => {
  await runCommand(page, 'View: Close All Editors');
  await openFile(page, 'pair.voco.json');
  await goToProblem('spark cannot be learnt by swin-unetr, which');
  await page.keyboard.press('Escape');
  await quickFix('"swin-unetr"', 'Change to "unet3d"');
  const changed = page.locator('.view-line', { hasText: '"name": "unet3d"' });
  await changed.click();
  await page.keyboard.press('End');
  for (let i = 0; i < '"unet3d"'.length; i++) await page.keyboard.press('Backspace');
  await page.keyboard.press('Control+Space');
  const offered = page.locator('.suggest-widget .monaco-list-row');
  await offered.filter({ hasText: '"unet3d"' }).first().waitFor();
  assert.equal(await offered.filter({ hasText: '"swin-unetr"' }).count(), 0);
  await screenshot(page, 'config-completion-network');
  await page.keyboard.press('Escape');
  await runCommand(page, 'View: Revert and Close Editor');
});

test('a new experiment is asked for step by step, and opens with comments', async () => {
  await runCommand(page, 'VoCo: New Experiment');
  const title = page.locator('.quick-input-title');
  await title.filter({ hasText: 'what is to be trained' }).waitFor();
  await screenshot(page, 'new-experiment');
  await pick(page, 'VoCo: volume contrast');
  await title.filter({ hasText: '2 of 5' }).waitFor();
  await pick(page, 'Small machine');
  await title.filter({ hasText: '3 of 5' }).waitFor();
  await screenshot(page, 'new-experiment-network');
  await pick(page, 'as in the preset');
  await title.filter({ hasText: '4 of 5' }).waitFor();
  await pick(page, 'sample/dataset_0.json');
  await title.filter({ hasText: '5 of 5' }).waitFor();
  await answer(page, 'tiny');
  await page.locator('.quick-input-message', { hasText: 'There is a config of this name already' }).waitFor();
  await answer(page, 'mine');
  await page.locator('.tab', { hasText: 'mine.voco.json' }).waitFor();
  const text = await eventually(() => readFileSync(join(server.folder, 'mine.voco.json'), 'utf8'), 'the file');
  assert.match(text, /"datalist": "sample\/dataset_0.json"/);
  assert.match(text, /^\s*\/\//m);
  await page.locator('.codelens-decoration', { hasText: 'Estimate' }).waitFor();
  assert.equal(await page.locator('.squiggly-error').count(), 0);
  await screenshotInThemes(page, 'new-config');
});
