// Fine-tuning in the workbench, from a pre-trained checkpoint to the worst slice of the worst organ, with the real trainer.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import {
  eventually,
  openFile,
  openSideBar,
  openWorkbench,
  pick,
  root,
  rows,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

let server, browser, page;
const test = scenarios(() => ({ page, server }));

const network = { name: 'unet3d', featureSize: 8 };
const train = [{ datalist: 'sample/dataset_0.json', key: 'training' }];

/** Three steps of pre-training: weights to start from, not good ones. */
const pretraining = {
  kind: 'pretrain',
  name: 'pre',
  threads: 1,
  data: { train, preprocess: { resize: [64, 64, 32] }, workers: 0 },
  method: {
    grid: [2, 2, 1],
    crop: [32, 32, 32],
    input: [32, 32, 32],
    randomCrops: 1,
    projector: { hidden: 16, out: 16 },
  },
  network,
  train: { steps: 3, batch: 1 },
};

/** Liver and aorta, which a small network learns in seconds. */
const finetuning = {
  kind: 'finetune',
  name: 'organs',
  threads: 1,
  task: {
    name: 'custom',
    unlisted: 'background',
    classes: [
      { name: 'liver', values: [6], colour: '#c77b58' },
      { name: 'aorta', values: [8], colour: '#ff5a5a' },
    ],
  },
  data: {
    train,
    validation: [{ datalist: 'sample/dataset_0.json', key: 'validation' }],
    preprocess: { spacing: null },
  },
  crops: { size: [32, 32, 32], perVolume: 2 },
  network,
  optimizer: { lr: 0.003 },
  schedule: { warmupEpochs: 2 },
  train: { steps: 20, validateEvery: 10, checkpointEvery: 100 },
  inference: { overlap: 0.25 },
};

function voco(...args) {
  const made = spawnSync(process.execPath, [join(root, 'dist/voco.cjs'), ...args], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
}

before(async () => {
  server = await startServer();
  const config = (name, value) => {
    const file = join(server.folder, `${name}.voco.json`);
    writeFileSync(file, JSON.stringify(value, null, 2));
    return file;
  };
  voco('phantom', '--out', join(server.folder, 'sample'), '--cases', '6', '--size', '64,64,32');
  voco('pretrain', config('pre', pretraining));
  config('organs', finetuning);
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 });
});
after(async () => {
  for (const { pid, state } of runStates()) if (pid && state === 'running') process.kill(pid, 'SIGKILL');
  await browser?.close();
  await server?.stop();
});

const runsFolder = () => join(server.folder, 'runs');

function runStates() {
  if (!server || !existsSync(runsFolder())) return [];
  return readdirSync(runsFolder())
    .filter((name) => existsSync(join(runsFolder(), name, 'run.json')))
    .map((name) => ({
      dir: join(runsFolder(), name),
      ...JSON.parse(readFileSync(join(runsFolder(), name, 'run.json'), 'utf8')),
    }));
}

const ofKind = (kind) => runStates().find((run) => run.kind === kind);
const toast = (text) => page.locator('.notification-toast', { hasText: text });
const results = () => webview(page, '#source, .empty');

test('a fine-tuning starts from the palette with the weights of a pre-training', async () => {
  await openFile(page, 'organs.voco.json');
  await page.locator('.codelens-decoration', { hasText: 'Fine-tune' }).waitFor();
  await runCommand(page, 'VoCo: Fine-tune');
  await page.locator('.quick-input-widget', { hasText: 'Start from which pre-trained weights?' }).waitFor();
  await screenshot(page, 'finetune-weights');
  await pick(page, /pre-\d+/);
  await openSideBar(page);
  await toast('is finished').waitFor({ timeout: 120_000 });
  const run = ofKind('finetune');
  assert.match(run.initFrom, /pre-.*step-00000003\.safetensors$/);
  assert.ok(run.heldOut.dice >= 0);
  const row = rows(page, 'Runs').first();
  await eventually(async () => /fine-tuning · Dice 0\.\d{3}/.test((await row.textContent()) ?? ''), 'Dice in the tree');
  await row.locator('.monaco-tl-twistie').click();
  await rows(page, 'Runs')
    .filter({ hasText: /initialised from.*pre-.*, step 3 · \d+ of \d+ tensors/ })
    .waitFor();
});

test('curves show Dice by class, in the colours of the organs', async () => {
  await runCommand(page, 'VoCo: Show Loss Curves');
  const frame = await webview(page, '[data-chart="classes"]');
  const items = frame.locator('[data-chart="classes"] .legend li');
  await eventually(async () => (await items.count()) === 2, 'two classes');
  const colours = await frame
    .locator('[data-chart="classes"] .swatch')
    .evaluateAll((all) => all.map((one) => getComputedStyle(one).borderTopColor));
  assert.deepEqual(colours, ['rgb(199, 123, 88)', 'rgb(255, 90, 90)']);
  await screenshotInThemes(page, 'finetune-curves');
});

test('evaluating a finished run opens its results', async () => {
  await runCommand(page, 'VoCo: Evaluate');
  const frame = await results();
  await frame.locator('.cases tbody tr').first().waitFor({ timeout: 60_000 });
  assert.equal(ofKind('evaluate').state, 'finished');
  const [found] = JSON.parse(readFileSync(join(ofKind('evaluate').dir, 'results.json'), 'utf8')).cases;
  const cell = frame.locator('.cases tbody td[data-class="0"]');
  assert.equal(await cell.textContent(), found.classes[0].scores.dice.toFixed(3));
  await screenshotInThemes(page, 'results-finetuned');
});

test('from the worst cell to the slice with most error, with the keyboard', async () => {
  const frame = await results();
  const cells = frame.locator('.cases tbody td[data-class]');
  const values = (await cells.allTextContents()).map(Number);
  const worst = values.indexOf(Math.min(...values));
  await cells.first().focus();
  for (let at = 0; at < worst; at++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  const viewer = await webview(page, '.tile canvas', 30_000);
  await eventually(async () => (await viewer.locator('body').textContent()).includes('errors'), 'the overlays');
  await page.waitForTimeout(1500);
  await screenshotInThemes(page, 'results-worst-case');
});

test('a volume is segmented from the explorer’s menu and opens with its overlay', async () => {
  await runCommand(page, 'View: Close All Editors');
  await openFile(page, 'img0001.nii.gz');
  await runCommand(page, 'VoCo: Segment with Checkpoint');
  await pick(page, /organs-\d+/);
  const folder = join(server.folder, 'segmentations');
  await eventually(() => existsSync(folder) && readdirSync(folder).length === 1, 'the label map', 60_000);
  const viewer = await webview(page, '.tile canvas', 30_000);
  await eventually(async () => (await viewer.locator('body').textContent()).includes('prediction'), 'the overlay');
  await screenshot(page, 'segmented');
});
