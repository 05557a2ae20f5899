// Comparing checkpoints: from the runs view to scores, weights, linked views of a case and position maps, with the real trainer.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import { finetuning, makeSample, pretraining, voco, writeConfig } from './samples.mjs';
import {
  chooseFromMenu,
  clearNotifications,
  eventually,
  notification,
  openSideBar,
  openWorkbench,
  pick,
  reloadWindow,
  rows,
  runCommand,
  scenarios,
  saveAs,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1600, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

const organs = finetuning({
  featureSize: 8,
  optimizer: { lr: 0.003 },
  schedule: { warmupEpochs: 2 },
  train: { steps: 16, validateEvery: 100, checkpointEvery: 8, keepLast: 2 },
});

const runsFolder = () => join(server.folder, 'runs');
const runOf = (name) =>
  join(
    runsFolder(),
    readdirSync(runsFolder()).find((dir) => dir.startsWith(`${name}-2`)),
  );

/** Two fine-tunings that differ in their learning rate and start, both evaluated, and the pre-training of one of them. */
function train2() {
  mkdirSync(runsFolder(), { recursive: true });
  makeSample(server, 5);
  const datalist = join(server.folder, 'sample/dataset_0.json');
  const { training, validation, ...rest } = JSON.parse(readFileSync(datalist, 'utf8'));
  const all = [...training, ...validation];
  // Three held-out cases, so that differences have an interval.
  writeFileSync(datalist, JSON.stringify({ ...rest, training: all.slice(0, 2), validation: all.slice(2) }));
  const start = pretraining({ featureSize: 8, train: { steps: 2, checkpointEvery: 1 } });
  voco(server, 'pretrain', writeConfig(server, 'pre', start));
  voco(server, 'finetune', writeConfig(server, 'organs', organs));
  const weights = join(runOf('pre'), 'checkpoints/step-00000002.safetensors');
  const gentle = { ...organs, name: 'gentle', optimizer: { lr: 0.001 }, init: { checkpoint: weights } };
  voco(server, 'finetune', writeConfig(server, 'gentle', gentle));
  for (const name of ['organs', 'gentle']) {
    const checkpoint = join(runOf(name), 'checkpoints/step-00000016.safetensors');
    voco(server, 'evaluate', '--run', runOf(name), '--checkpoint', checkpoint);
  }
}

before(async () => {
  server = await startServer();
  train2();
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a run in the tree. */
async function expand(name) {
  const row = rows(page, 'Runs').filter({ hasText: name }).first();
  await row.waitFor();
  await row.click();
  await page.keyboard.press('ArrowRight');
  await eventually(async () => (await row.getAttribute('aria-expanded')) === 'true', `${name} is open`);
}

/** Compares the newest checkpoints of both fine-tunings, selected in the runs view: from its menu, or from the palette. */
async function compareSelected(fromMenu) {
  await openSideBar(page);
  await rows(page, 'Runs').filter({ hasText: /^pre/ }).first().waitFor();
  const newest = rows(page, 'Runs').filter({ hasText: /step 16/ });
  if ((await newest.count()) < 2) for (const name of [/^organs/, /^gentle/]) await expand(name);
  await eventually(async () => (await newest.count()) === 2, 'the newest checkpoints of both runs');
  await newest.nth(0).click();
  await newest.nth(1).click({ modifiers: ['Control'] });
  if (fromMenu) {
    await chooseFromMenu(page, () => newest.nth(1).click({ button: 'right' }), 'Compare Checkpoints');
  } else {
    // From the palette what is selected is ticked.
    await runCommand(page, 'VoCo: Compare Checkpoints');
    await page.locator('.quick-input-widget', { hasText: '2 are ticked' }).waitFor();
    await page.keyboard.press('Enter');
  }
}

/** The panel with the comparison: the one that is open, else a new one. */
async function panel(selector = '.compare') {
  if (!(await webviewNow(page, '.compare'))) await compareSelected(false);
  const frame = await webview(page, '.compare .card');
  await frame.locator('.content[data-compared=true]').waitFor();
  return selector === '.compare' ? frame : webview(page, selector);
}

/** The panel with a tab in front that shows something. */
async function tab(name, selector) {
  await (await panel()).locator(`#tab-${name}`).click();
  return webview(page, selector);
}

test('two checkpoints selected in the runs view are compared: what differs in their configs', async () => {
  // The desktop's menus are the system's own.
  await compareSelected(process.env.VOCO_DESKTOP === undefined);
  const frame = await panel();
  assert.equal(await frame.locator('.card').count(), 2);
  assert.match(await frame.locator('.card').first().textContent(), /A.*organs.*reference/);
  const row = frame.locator('#configs tr', { hasText: 'optimizer.lr' });
  assert.deepEqual(await row.locator('td').allTextContents(), ['0.003', '0.001']);
  assert.match(await frame.locator('#origins').textContent(), /Initialised from.*pre-/);
  await screenshotInThemes(page, 'compare-overview');
});

test('scores by organ with paired differences, sorted and saved', async () => {
  const frame = await tab('scores', '.scores table');
  const organs = await frame.locator('.scores tbody th').allTextContents();
  assert.deepEqual(organs, ['liver', 'aorta', 'Mean of each case']);
  const title = await frame.locator('.scores tr[data-class=liver] .difference').getAttribute('title');
  assert.match(title, /liver: B − A [+−]?0\.\d{3}, 95 % interval .* over \d cases, p .*Wilcoxon signed-rank/);
  await frame.locator('#sort-0').click();
  await frame.locator('th[aria-sort=ascending]', { hasText: 'B − A' }).waitFor();
  await screenshotInThemes(page, 'compare-scores');
  await frame.locator('#csv').click();
  const file = join(server.folder, 'scores.csv');
  await saveAs(page, file, '-scores.csv');
  assert.match(readFileSync(file, 'utf8').split('\n')[1], /^"?organs-.*liver,dice/);
});

test('a case opens in linked views, and a prediction that is not there is computed', async () => {
  const frame = await tab('cases', '.case-list [role=option]');
  const trained = frame.locator('.case-list [role=option]', { hasText: 'trained on' }).first();
  await trained.click();
  await eventually(async () => (await frame.locator('.prediction[data-ready=true]').count()) === 2, 'both');
  await frame.locator('.cases-tab .viewer-part[data-drawn=true]').waitFor();
  const views = frame.locator('.cases-tab canvas[data-plane="2"]');
  assert.equal(await views.count(), 2);
  const slices = () => views.evaluateAll((all) => all.map((one) => one.dataset.index));
  const before = await slices();
  assert.equal(before[0], before[1]);
  await views.nth(0).hover();
  await page.mouse.wheel(0, -120);
  await eventually(async () => {
    const now = await slices();
    return now[1] !== before[1] && now[0] === now[1];
  }, 'the other view shows the same slice');
  await frame.locator('.case-list [role=option]').first().click();
  await frame.locator('.cases-tab .viewer-part[data-drawn=true]').waitFor();
  await screenshotInThemes(page, 'compare-cases');
  await frame.locator('#case-mode label', { hasText: 'Against ground truth' }).click();
  await frame.locator('.cases-tab .viewer-part[data-drawn=true]').waitFor();
  await screenshot(page, 'compare-truth');
  await frame.locator('#case-mode label', { hasText: 'Blink' }).click();
  await frame.locator('.cases-tab .turn', { hasText: /^[AB], prediction$/ }).waitFor();
  assert.equal(await views.count(), 1);
  await screenshot(page, 'compare-blink');
});

test('curves over one another, and weights by module with the likeness of features', async () => {
  const frame = await tab('curves', '.curves-part .chart');
  await eventually(async () => (await frame.locator('.chart[data-chart=loss] .legend li').count()) >= 2, 'both losses');
  await screenshot(page, 'compare-curves');
  await tab('weights', '#weights tbody tr');
  assert.ok((await frame.locator('#weights tbody tr').count()) > 3);
  assert.match(await frame.locator('#weights tfoot').textContent(), /all weights.*%/);
  await frame.locator('#compare-features').click();
  await frame.locator('#features table').waitFor();
  const likeness = (await frame.locator('#features td.heat').allTextContents()).map((text) => Number.parseFloat(text));
  assert.ok(likeness.length > 1 && likeness.every((value) => value >= 0 && value <= 1), likeness.join());
  await screenshotInThemes(page, 'compare-weights');
});

test('a wrong number of checkpoints is told', async () => {
  await openSideBar(page);
  await clearNotifications(page);
  await rows(page, 'Runs').filter({ hasText: /^pre/ }).first().waitFor();
  await runCommand(page, 'VoCo: Compare Checkpoints');
  const quick = page.locator('.quick-input-widget');
  await quick.locator('.monaco-list-row', { hasText: 'step 2' }).waitFor();
  await screenshot(page, 'compare-pick');
  await untickAll(quick);
  await pick(page, /^step 1\D/);
  await quick.filter({ hasText: '1 is ticked' }).waitFor();
  await page.keyboard.press('Enter');
  await notification(page, 'Tick 2 to 4 checkpoints to compare; 1 is ticked');
  await page.keyboard.press('Escape');
});

/** Unticks what is ticked since it is selected in the runs view. */
async function untickAll(quick) {
  const ticked = quick.locator('.monaco-list-row:has(.monaco-custom-toggle.checked, input:checked)');
  for (let left = await ticked.count(); left > 0; left--) {
    await ticked.first().click();
    await eventually(async () => (await ticked.count()) === left - 1, 'one less is ticked');
  }
  await quick.filter({ hasText: 'none is ticked' }).waitFor();
}

/** The maps of the two checkpoints of the pre-training, in the panel that compares them. */
async function positions() {
  if (!(await webviewNow(page, '.positions .numbers'))) {
    await openSideBar(page);
    await rows(page, 'Runs').filter({ hasText: /^pre/ }).first().waitFor();
    await runCommand(page, 'VoCo: Compare Checkpoints');
    const quick = page.locator('.quick-input-widget');
    await quick.locator('.monaco-list-row', { hasText: 'step 2' }).waitFor();
    await untickAll(quick);
    for (const row of [/^step 1\D/, /^step 2\D/]) await pick(page, row);
    await quick.filter({ hasText: '2 are ticked' }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.tab', { hasText: 'step 1 ↔ step 2' }).waitFor();
    const frame = await webview(page, '#tab-positions');
    await frame.locator('#tab-positions').click();
    await frame.locator('#position-case').click();
    await frame.locator('#position-case vscode-option').nth(1).click();
  }
  return webview(page, '.positions .numbers');
}

test('pre-training checkpoints are compared by their maps', async () => {
  await runCommand(page, 'View: Close All Editors');
  const frame = await positions();
  await frame.locator('.positions .viewer-part[data-drawn=true]').waitFor();
  assert.equal(await frame.locator('.positions canvas[data-plane="2"]').count(), 2);
  assert.match(await frame.locator('.positions .numbers').textContent(), /Placed rightly.*%/);
  await screenshotInThemes(page, 'compare-positions');
});

test('a reloaded window shows the same', async () => {
  await positions();
  await reloadWindow(page);
  const frame = await webview(page, '.positions .numbers');
  assert.equal(await frame.locator('.card').count(), 2);
});

test('two rows of the table of runs are compared by their checkpoints', async () => {
  await runCommand(page, 'View: Close All Editors');
  await runCommand(page, 'VoCo: Show Runs Table');
  const table = await webview(page, '.grid');
  for (const name of ['organs', 'gentle']) {
    await table.locator('.grid .row', { hasText: name }).first().locator('[data-key=select]').click();
  }
  await table.locator('#compare:not([disabled])').click();
  await page.locator('.tab', { hasText: /organs.*↔.*gentle|gentle.*↔.*organs/ }).waitFor();
});

test('a third checkpoint is added, and evaluated from the panel', async () => {
  await runCommand(page, 'View: Close All Editors');
  const frame = await panel();
  await frame.locator('#choose').click();
  const quick = page.locator('.quick-input-widget');
  await eventually(async () => /2 are ticked/.test(await quick.textContent()), 'the two are ticked');
  await pick(page, /step 8\D/);
  await page.keyboard.press('Enter');
  await eventually(async () => (await frame.locator('.card').count()) === 3, 'three cards');
  await frame.locator('.content[data-compared=true]').waitFor();
  await frame.locator('#tab-scores').click();
  const differences = frame.locator('.scores tr[data-class=liver] .difference');
  await eventually(async () => (await differences.count()) === 1, 'the difference of B alone');
  await frame.locator('#evaluate-C').click();
  await eventually(async () => (await differences.count()) === 2, 'C is evaluated');
  assert.match(await differences.nth(1).textContent(), /0\.\d{3}/);
  assert.equal(await frame.locator('.message.evaluate').count(), 0);
  await screenshotInThemes(page, 'compare-three');
});
