// The table of runs: thousands of them, sorting, filtering, columns, notes, curves, CSV, restoring.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { writeRun } from './syntheticRuns.mjs';
import {
  eventually,
  openWorkbench,
  reloadWindow,
  runCommand,
  scenarios,
  saveAs,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

let server, browser, page, runs;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 900 }));
const test = scenarios(() => ({ page, server }), open);
const MANY = 2000;

/** A run as a finished grid search leaves it. */
function writeMany() {
  for (let i = 0; i < MANY; i++) {
    const name = `search-${String(i).padStart(4, '0')}`;
    const dir = join(runs, name);
    mkdirSync(dir, { recursive: true });
    const created = new Date(Date.UTC(2025, 0, 1) + i * 3_600_000).toISOString();
    const state = {
      format: 1,
      name,
      kind: 'pretrain',
      state: i % 50 ? 'finished' : 'failed',
      step: 100,
      totalSteps: 100,
    };
    const times = { created, started: created, ended: new Date(Date.parse(created) + 600_000).toISOString() };
    writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...state, ...times, device: 'onednn' }));
    const optimizer = { name: 'adamw', learningRate: [1e-4, 3e-4, 1e-3][i % 3], weightDecay: 0.01 };
    const config = { name, seed: i % 10, train: { steps: 100 }, optimizer, crops: { size: [64, 64, 64] } };
    writeFileSync(join(dir, 'config.json'), JSON.stringify(config));
    const loss = 0.2 + ((i * 7919) % MANY) / MANY;
    writeFileSync(join(dir, 'metrics.jsonl'), `${JSON.stringify({ step: 100, loss, accuracy: 1 / (1 + loss) })}\n`);
  }
}

before(async () => {
  server = await startServer();
  runs = join(server.folder, 'runs');
  writeMany();
  for (const seed of [1, 2])
    writeRun(runs, `voco-btcv-2026010${seed}-000000`, {
      seed,
      steps: 300,
      config: { name: 'voco-btcv', seed, train: { steps: 300 }, optimizer: { name: 'adamw', learningRate: 1e-4 } },
    });
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The table of all runs: the one that is open, else a new one; as it is at first, without a filter. */
async function table() {
  if (!(await webviewNow(page, '.grid'))) await runCommand(page, 'VoCo: Show Runs Table');
  const frame = await webview(page, '.grid');
  const node = frame.locator('.grid');
  await frame.locator('#filter').fill('');
  const starred = frame.locator('#starred-only[aria-pressed="true"], #starred-only[current-checked="true"]');
  if ((await starred.count()) > 0) await starred.click();
  await shown(node, total);
  return { frame, node };
}

/** How many runs there are. */
let total = MANY + 2;
const shown = (node, count) =>
  eventually(async () => (await node.getAttribute('data-rows')) === String(count), `${count} rows`);

// How soon: bench/editor.mjs.
test('two thousand runs are listed, and only the rows in sight are in the page', async () => {
  const { node } = await table();
  assert.ok((await node.locator('.body .row').count()) < 80);
  const first = node.locator('.body .row[data-index="0"] .cell.name');
  assert.match(await first.textContent(), /voco-btcv-20260102/);
  const titles = await node.locator('[role=columnheader] .title').allTextContents();
  assert.ok(titles.includes('optimizer.learningRate') && titles.includes('seed'), titles.join());
  assert.ok(!titles.includes('optimizer.name'), 'a parameter that is the same everywhere is hidden');
});

test('sorting and filtering answer at once', async () => {
  const { frame, node } = await table();
  await node.locator('[role=columnheader]', { hasText: 'Loss' }).first().click();
  await node.locator('[aria-sort=ascending]', { hasText: 'Loss' }).waitFor();
  const lowest = await node.locator('.body .row[data-index="2"] .cell.name').textContent();
  assert.equal(lowest, 'search-0000');
  await frame.locator('#filter').fill('learningRate=0.001 loss<0.25 state=finished');
  await eventually(async () => Number(await node.getAttribute('data-rows')) < 100, 'filtered');
  const losses = await node.locator('.body [data-key="metric:loss"]').allTextContents();
  assert.ok(losses.length > 5 && losses.every((text) => Number(text) < 0.25), losses.join());
  await frame.locator('#filter').fill('nosuchcolumn<3');
  await frame.locator('.message.error', { hasText: 'nosuchcolumn' }).waitFor();
  await frame.locator('#filter').fill('');
  await shown(node, total);
  // Down to the last row and back, by keys alone.
  await node.focus();
  await page.keyboard.press('Control+End');
  await node.locator(`.body .row[data-index="${MANY + 1}"]`).waitFor();
  assert.match(await node.getAttribute('aria-activedescendant'), new RegExp(`^cell-${MANY + 1}-`));
  await page.keyboard.press('Control+Home');
  await node.locator('.body .row[data-index="0"]').waitFor();
});

test('stars, tags and notes are kept in the run', async () => {
  const { frame, node } = await table();
  await frame.locator('#filter').fill('voco-btcv');
  await shown(node, 2);
  const row = node.locator('.body .row', { hasText: 'voco-btcv-20260101' });
  await row.locator('[data-key=star]').click();
  await row.locator('.starred').waitFor();
  await row.locator('[data-key="run:tags"]').dblclick();
  await row.locator('input').fill('baseline, paper');
  await page.keyboard.press('Enter');
  await eventually(async () => (await row.locator('.tag').count()) === 2, 'two tags');
  await row.locator('[data-key="run:note"]').dblclick();
  await row.locator('input').fill('good start');
  await page.keyboard.press('Enter');
  const file = join(runs, 'voco-btcv-20260101-000000/notes.json');
  await eventually(() => existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).note === 'good start', 'the file');
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')).tags, ['baseline', 'paper']);
  await frame.locator('#filter').fill('tags:paper');
  await shown(node, 1);
  await frame.locator('#filter').fill('');
  await frame.locator('#starred-only').click();
  await shown(node, 1);
  await frame.locator('#starred-only').click();
  await shown(node, total);
});

test('columns are shown, hidden and moved', async () => {
  const { frame, node } = await table();
  const titles = () => node.locator('[role=columnheader] .title').allTextContents();
  await frame.locator('#columns').click();
  await frame.locator('#column-search').fill('weightDecay');
  await frame.locator('#differing-only').click();
  await eventually(async () => (await titles()).includes('optimizer.weightDecay'), 'a column that is the same');
  await frame.locator('aside vscode-checkbox', { hasText: 'weightDecay' }).click();
  await eventually(async () => !(await titles()).includes('optimizer.weightDecay'), 'hidden');
  await frame.locator('#column-search').fill('');
  await frame.locator('#differing-only').click();
  const before = await titles();
  const at = before.indexOf('Accuracy');
  await node.locator('[role=columnheader]', { hasText: 'Accuracy' }).first().click();
  await page.keyboard.press('Alt+ArrowLeft');
  await eventually(async () => (await titles()).indexOf('Accuracy') === at - 1, 'moved to the left');
});

test('selected runs are laid over one another, and the table is saved as CSV', async () => {
  const { frame, node } = await table();
  await select({ frame, node });
  await screenshotInThemes(page, 'runs-table');
  await frame.locator('#csv').click();
  const file = join(server.folder, 'table.csv');
  await saveAs(page, file, '.csv');
  assert.equal(readFileSync(file, 'utf8').trim().split('\n').length, total + 1);
  await frame.locator('#curves').click();
  const curves = await webview(page, '.chart');
  await eventually(
    async () => (await curves.locator('.runs vscode-checkbox[current-checked="true"]').count()) === 2,
    'both runs in the curves',
  );
});

/** Selects the two longer runs. */
async function select({ frame, node }) {
  await frame.locator('#filter').fill('voco-btcv');
  await shown(node, 2);
  for (const index of [0, 1]) {
    const row = node.locator(`.row[data-index="${index}"]`);
    if ((await row.getAttribute('aria-selected')) !== 'true') await row.locator('[data-key=select]').click();
  }
  await eventually(async () => (await frame.locator('#summary').textContent()).includes('2 selected'), 'two selected');
  await frame.locator('#filter').fill('');
  await shown(node, total);
}

test('a run that appears is added, and a reloaded window restores the table', async () => {
  const { frame, node } = await table();
  await page.locator('.tab', { hasText: 'Runs' }).first().click();
  await select({ frame, node });
  const columns = frame.locator('aside.columns');
  if (!(await columns.isVisible())) await frame.locator('#columns').click();
  await columns.waitFor();
  writeRun(runs, 'late-20260103-000000', { seed: 3, steps: 50 });
  total += 1;
  // Where the system has no watches left, new runs are found by looking.
  await runCommand(page, 'VoCo: Refresh Runs');
  await shown(node, total);
  await reloadWindow(page);
  const again = await webview(page, '.grid');
  await shown(again.locator('.grid'), total);
  assert.match(await again.locator('#summary').textContent(), /2 selected/);
  assert.equal(await again.locator('aside.columns').isVisible(), true);
});
