// Fine-tuning in the workbench, from a pre-trained checkpoint to the worst slice of the worst organ, with the real trainer.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { finetuning, killTrainers, makeSample, pretraining, runStates, voco, writeConfig } from './samples.mjs';
import { drawn } from './volumes.mjs';
import {
  answer,
  eventually,
  notification,
  openFile,
  openSideBar,
  openWorkbench,
  pick,
  rows,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

const organs = finetuning({
  featureSize: 8,
  optimizer: { lr: 0.003 },
  schedule: { warmupEpochs: 2 },
  train: { steps: 20, validateEvery: 10, checkpointEvery: 100 },
});

before(async () => {
  server = await startServer();
  makeSample(server, 6);
  // Three steps of pre-training: weights to start from, not good ones.
  voco(server, 'pretrain', writeConfig(server, 'pre', pretraining({ featureSize: 8, train: { steps: 3 } })));
  writeConfig(server, 'organs', organs);
  browser = await startBrowser();
  await open();
});
after(async () => {
  killTrainers(server);
  await browser?.close();
  await server?.stop();
});

const ofKind = (kind) => runStates(server).find((run) => run.kind === kind);

/** The finished fine-tuning: the one that is there, else one by the command line from the same weights. */
async function fineTuned() {
  if (ofKind('finetune')?.state !== 'finished') {
    killTrainers(server);
    const weights = join(ofKind('pretrain').dir, 'checkpoints/step-00000003.safetensors');
    voco(server, 'finetune', join(server.folder, 'organs.voco.json'), '--set', `init.checkpoint=${weights}`);
  }
  await openSideBar(page);
  await rows(page, 'Runs')
    .filter({ hasText: /^organs.*fine-tuning · Dice/ })
    .first()
    .waitFor();
}

/** The results of the fine-tuning, evaluated when they are not there. */
async function results() {
  await fineTuned();
  const shown = '#source';
  if (!(await webviewNow(page, shown))) {
    await runCommand(page, ofKind('evaluate')?.state === 'finished' ? 'VoCo: Show Results' : 'VoCo: Evaluate');
  }
  const frame = await webview(page, shown);
  await frame.locator('.cases tbody tr').first().waitFor();
  return frame;
}

test('a fine-tuning starts from the palette with the weights of a pre-training', async () => {
  await openFile(page, 'organs.voco.json');
  await page.locator('.codelens-decoration', { hasText: 'Fine-tune' }).waitFor();
  await runCommand(page, 'VoCo: Fine-tune');
  await page.locator('.quick-input-widget', { hasText: 'Start from which pre-trained weights?' }).waitFor();
  await screenshot(page, 'finetune-weights');
  await pick(page, /pre-\d+/);
  await openSideBar(page);
  await notification(page, 'is finished');
  const run = ofKind('finetune');
  assert.match(run.initFrom, /pre-.*step-00000003\.safetensors$/);
  assert.ok(run.heldOut.dice >= 0);
  const row = rows(page, 'Runs').filter({ hasText: /^organs.*fine-tuning · Dice 0\.\d{3}/ });
  await row.waitFor();
  await row.locator('.monaco-tl-twistie').click();
  await rows(page, 'Runs')
    .filter({ hasText: /initialised from.*pre-.*, step 3 · \d+ of \d+ tensors/ })
    .waitFor();
});

test('curves show Dice by class, in the colours of the organs', async () => {
  await fineTuned();
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
  await fineTuned();
  await runCommand(page, 'VoCo: Evaluate');
  const frame = await results();
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
  const viewer = await webview(page, '.tile canvas');
  await eventually(async () => (await viewer.locator('body').textContent()).includes('errors'), 'the overlays');
  await drawn(viewer);
  await screenshotInThemes(page, 'results-worst-case');
});

test('a volume is segmented from the explorer’s menu and opens with its overlay', async () => {
  await fineTuned();
  await runCommand(page, 'View: Close All Editors');
  await openFile(page, 'img0001.nii.gz');
  await webview(page, '.tile canvas');
  await runCommand(page, 'VoCo: Segment with Checkpoint');
  await pick(page, /organs-\d+/);
  const folder = join(server.folder, 'segmentations');
  await eventually(() => existsSync(folder) && readdirSync(folder).length === 1, 'the label map');
  const viewer = await webview(page, '#app:has-text("prediction") .tile canvas');
  await drawn(viewer);
  await screenshot(page, 'segmented');
});

// Last: its run would be the newest fine-tuning for the tests above.
test('a config is written from a checkpoint, with its network and its crops, and trains', async () => {
  await runCommand(page, 'View: Close All Editors');
  await runCommand(page, 'VoCo: Fine-tune from This Checkpoint');
  const title = page.locator('.quick-input-title');
  await title.filter({ hasText: 'from which checkpoint' }).waitFor();
  await pick(page, /pre-\d+/);
  await title.filter({ hasText: '1 of 4' }).waitFor();
  await screenshot(page, 'finetune-from');
  await pick(page, 'Fine-tune on synthetic abdomens');
  await title.filter({ hasText: '2 of 4' }).waitFor();
  await pick(page, 'sawtooth');
  await title.filter({ hasText: '3 of 4' }).waitFor();
  await pick(page, 'sample/dataset_0.json');
  await title.filter({ hasText: '4 of 4' }).waitFor();
  await answer(page, 'from');
  await page.locator('.tab', { hasText: 'from.voco.json' }).waitFor();
  const file = join(server.folder, 'from.voco.json');
  const text = readFileSync(file, 'utf8');
  assert.match(text, /"name": "unet3d"/);
  assert.match(text, /"featureSize": 8/);
  assert.match(text, /"checkpoint": "runs\/pre-.*step-00000003\.safetensors"/);
  assert.match(text, /"name": "sawtooth"/);
  assert.equal(await page.locator('.squiggly-error').count(), 0);
  const run = join(server.folder, 'runs/from');
  voco(server, 'finetune', file, '--set', 'train.steps=10', '--set', 'train.validateEvery=99', '--run', run);
  const report = JSON.parse(readFileSync(join(run, 'init.json'), 'utf8'));
  assert.deepEqual(
    report.missing.filter((name) => name.startsWith('encoder.')),
    [],
  );
  assert.match(readFileSync(join(run, 'log.txt'), 'utf8'), /steps 1 to \d: the new weights/);
});
