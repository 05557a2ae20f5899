// "Compare with Scratch" in the workbench: from the command to the drawn curve, with the real trainer.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { LIVER, finetuning, killTrainers, makeSample, pretraining, runStates, voco, writeConfig } from './samples.mjs';
import {
  eventually,
  openFile,
  openSideBar,
  openWorkbench,
  pick,
  rows,
  runCommand,
  scenarios,
  saveAs,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

const study = finetuning({
  classes: [LIVER],
  perVolume: 1,
  optimizer: { lr: 0.01 },
  train: { steps: 6, validateEvery: 6, checkpointEvery: 6 },
  inference: { overlap: 0 },
  study: { cases: [1, 4], seeds: [0, 1] },
});

before(async () => {
  server = await startServer();
  makeSample(server, 6);
  // Two steps of pre-training: weights to start from, not good ones.
  voco(server, 'pretrain', writeConfig(server, 'pre', pretraining({ train: { steps: 2 } })));
  writeConfig(server, 'organs', study);
  browser = await startBrowser();
  await open();
});
after(async () => {
  killTrainers(server);
  await browser?.close();
  await server?.stop();
});

const studyRun = () => runStates(server).find(({ kind }) => kind === 'study');
const readStudy = () => JSON.parse(readFileSync(join(studyRun().dir, 'study.json'), 'utf8'));
const figure = async (frame) => frame.locator('.figure b').first().textContent();

/** Asks for the study of the config, and returns the panel beside it. */
async function compareWithScratch() {
  await openFile(page, 'organs.voco.json');
  await page.locator('.codelens-decoration', { hasText: 'Fine-tune' }).waitFor();
  await runCommand(page, 'VoCo: Compare with Scratch');
  const question = page.locator('.quick-input-widget', { hasText: 'Compare which pre-trained weights with scratch?' });
  await question.waitFor();
  assert.equal(await question.locator('.monaco-list-row', { hasText: 'random weights' }).count(), 0);
  await pick(page, /pre-\d+/);
  return webview(page, '.study');
}

/** The panel of the study: the one that is open, else that of a run that is there, else of one that is started now. */
async function results() {
  const open = await webviewNow(page, '.study');
  if (open) return open;
  if (!studyRun()) return compareWithScratch();
  await openSideBar(page);
  const row = rows(page, 'Runs').filter({ hasText: /^organs.*study/ });
  await row.hover();
  await row.locator('a[aria-label^="Show Results"]').click();
  return webview(page, '.study');
}

/** The panel when the study is finished. */
async function finished() {
  const frame = await results();
  await eventually(async () => (await figure(frame)) === '8 of 8', 'all fine-tunings');
  await frame.locator('.evaluation').waitFor({ state: 'hidden' });
  return frame;
}

test('“Compare with Scratch” asks for weights and opens beside the config, where the study grows', async () => {
  const frame = await compareWithScratch();
  await eventually(async () => (await page.locator('.editor-group-container').count()) === 2, 'two groups');
  const { done, drawn, progress } = await firstPart(frame);
  assert.match(done, /^[1-7] of 8$/);
  assert.match(progress, /Training: step \d+ of 48/);
  assert.ok(drawn <= 6, `${drawn} points while it runs`);
});

/** What is shown at the moment when the first of the fine-tunings are drawn: looked for in the page, which misses nothing. */
const firstPart = (frame) =>
  frame.locator('#app').evaluate(
    (app) =>
      new Promise((found) => {
        const look = () => {
          const done = app.querySelector('.figure b')?.textContent ?? '';
          const drawn = app.querySelectorAll('.study-view circle').length;
          const progress = app.querySelector('.evaluation')?.textContent ?? '';
          // The list of runs may be a moment behind the study's own file.
          if (!/^[1-8] of 8$/.test(done) || drawn === 0 || /waits for its device/.test(progress)) return;
          observer.disconnect();
          found({ done, drawn, progress });
        };
        const observer = new MutationObserver(look);
        observer.observe(app, { subtree: true, childList: true, characterData: true });
        look();
      }),
  );

test('the finished study is drawn with error bars, as study.json has it', async () => {
  const frame = await finished();
  const { points, differences, runs, checkpoint } = readStudy();
  assert.equal(studyRun().state, 'finished');
  assert.match(checkpoint, /pre-.*step-00000002\.safetensors$/);
  assert.ok(runs.every(({ state, score }) => state === 'finished' && Number.isFinite(score)));
  assert.deepEqual([points.length, differences.length], [4, 2]);
  // Means of both sides at both amounts, then the differences; a bar for each, since there are two seeds.
  const titles = await frame.locator('.study-view circle title').allTextContents();
  const label = { pretrained: 'pre-trained', scratch: 'from scratch' };
  const expected = [
    ...points.map(({ arm, mean }) => `${label[arm]}: ${mean.toFixed(3)}, 2 seeds`),
    ...differences.map(({ mean }) => `difference: ${mean.toFixed(3)}, 2 seeds`),
  ];
  assert.deepEqual([...titles].sort(), [...expected].sort());
  assert.equal(await frame.locator('.study-view path.deviation').count(), 6);
  const [first] = await frame.locator('.study tbody tr').first().locator('td').allTextContents();
  const { mean, deviation } = points.find((point) => point.arm === 'pretrained' && point.amount === 1);
  assert.equal(first, `${mean.toFixed(3)} ± ${deviation.toFixed(3)}`);
  await screenshotInThemes(page, 'study-finished');
});

test('its numbers are saved as a table and for LaTeX', async () => {
  for (const [format, check] of [
    ['csv', /^arm,amount,cases/],
    ['tex', /\\begin\{tabular\}[\s\S]*1 & 0\.\d{3}/],
  ]) {
    const frame = await finished();
    await frame.locator(`#export-${format}`).click();
    const file = join(server.folder, `study.${format}`);
    await saveAs(page, file, `-results.${format}`);
    assert.match(readFileSync(file, 'utf8'), check);
  }
});

test('the study is one run in the tree, its fine-tunings are below it', async () => {
  await finished();
  await openSideBar(page);
  const all = rows(page, 'Runs');
  const parts = all.filter({ hasText: /^organs-cases/ });
  const study = all.filter({ hasText: /^organs.*study/ });
  await study.waitFor();
  assert.equal(await parts.count(), 0);
  await study.locator('.monaco-tl-twistie').click();
  await eventually(async () => (await parts.count()) === 8, 'eight fine-tunings');
});
