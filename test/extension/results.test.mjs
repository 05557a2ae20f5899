// The results panel on finished evaluations and studies: table, charts, restoring, exports, label efficiency.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { writeClassificationResults, writeSegmentationResults, writeStudy } from './syntheticResults.mjs';
import {
  eventually,
  openSideBar,
  openWorkbench,
  reloadWindow,
  rows,
  scenarios,
  saveAs,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

let server, browser, page, dir;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  server = await startServer();
  const runs = join(server.folder, 'runs');
  writeClassificationResults(runs, 'cc-ccii-20260104-100000');
  writeStudy(runs, 'efficiency-20260103-100000');
  dir = writeSegmentationResults(runs, 'btcv-20260105-100000');
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function showResults(name) {
  await openSideBar(page);
  const row = rows(page, 'Runs').filter({ hasText: name });
  await row.hover();
  await row.locator('a[aria-label^="Show Results"]').click();
}

/** The results of the segmentation: those that are shown, else shown now. */
async function segmentation() {
  const own = '#app:has(.facts:has-text("btcv-20260105-100000"))';
  if (!(await webviewNow(page, own))) await showResults(/^btcv/);
  return webview(page, own);
}

/** Chooses a tab of the results and waits for what it shows. */
async function tab(frame, name, shown) {
  await frame.locator(`#tab-${name}`).click();
  await frame.locator(shown).first().waitFor();
}

test('many organs: worst cases first, signs for what is missing, any column sorts', async () => {
  const frame = await segmentation();
  await tab(frame, 'cases', '.cases tbody tr:nth-child(8)');
  const means = async () => (await frame.locator('.cases td.mean').allTextContents()).map(Number);
  const first = await means();
  assert.deepEqual(
    first,
    [...first].sort((a, b) => a - b),
    'the worst case is first',
  );
  const { cases } = JSON.parse(readFileSync(join(dir, 'results.json'), 'utf8'));
  const signs = await frame.locator('.cases td.absent').allTextContents();
  assert.deepEqual([...signs].sort(), ['+', '–']);
  await screenshotInThemes(page, 'results-cases');
  await frame.locator('.cases thead th').nth(2).locator('button').click();
  const column = frame.locator('.cases tbody td[data-class="0"]');
  const expected = cases.map((item) => item.classes[0].scores.dice).sort((a, b) => a - b);
  assert.deepEqual(
    await column.allTextContents(),
    expected.map((value) => value.toFixed(3)),
  );
  assert.equal(await frame.locator('th[aria-sort="descending"]').textContent(), 'spleen▼');
  await frame.locator('#metric label', { hasText: 'HD95' }).click();
  await eventually(
    async () => (await frame.locator('.cases td.absent').count()) === 3,
    'a missed organ has no distance',
  );
  assert.match((await frame.locator('.cases td.absent').allTextContents()).join(''), /∞/);
  await frame.locator('#metric label', { hasText: 'Dice' }).click();
});

test('what was not scored, and how the rest was measured', async () => {
  const frame = await segmentation();
  assert.match(
    await frame.locator('#not-scored').textContent(),
    /1 held-out case could not be scored and is left out of all figures:img0099: .*truncated/,
  );
  await frame.locator('#settings summary').click();
  const rows = await frame.locator('#settings tr').allTextContents();
  assert.ok(rows.includes('inference.overlap0.5') && rows.includes('window96, 96, 96'), rows.join('; '));
  await screenshotInThemes(page, 'results-settings');
  assert.ok(await frame.locator('#settings table').isVisible(), 'it stays unfolded in other themes');
  await frame.locator('#settings summary').click();
});

test('classes with cases, boxes, intervals and the published mean', async () => {
  const frame = await segmentation();
  await tab(frame, 'classes', '.chart circle');
  assert.equal(await frame.locator('.chart circle').count(), 13 * 8 - 2 + 8);
  assert.match(await frame.locator('.references').textContent(), /VoCo, Swin-UNETR \(CVPR 2024\): 0\.839/);
  assert.equal(await frame.locator('.summary tbody tr').count(), 13);
  await screenshotInThemes(page, 'results-classes');
});

test('a reloaded window shows the same', async () => {
  await tab(await segmentation(), 'classes', '.chart circle');
  await reloadWindow(page);
  const frame = await webview(page, '.chart circle');
  assert.match(await frame.locator('.facts').textContent(), /btcv-20260105-100000/);
});

test('exports as a table, for LaTeX and as a picture', async () => {
  for (const [format, check] of [
    ['csv', (content) => assert.match(content.toString(), /^case,class,name,dice/)],
    [
      'tex',
      (content) =>
        assert.match(content.toString(), /\\begin\{tabular\}\{lrrrr\}[\s\S]*portal and splenic veins & 0\.\d{3}/),
    ],
    ['png', (content) => assert.equal(content.subarray(1, 4).toString(), 'PNG')],
  ]) {
    const frame = await segmentation();
    await frame.locator(`#export-${format}`).click();
    const file = join(server.folder, `results.${format}`);
    await saveAs(page, file, `-results.${format}`);
    check(readFileSync(file));
  }
});

test('a classification has a confusion matrix and ROC curves', async () => {
  await showResults(/^cc-ccii/);
  const frame = await webview(page, '.confusion');
  const counts = await frame
    .locator('.confusion tbody td')
    .evaluateAll((cells) => cells.map((cell) => Number(cell.firstChild.textContent)));
  assert.equal(counts.length, 9);
  assert.equal(
    counts.reduce((sum, count) => sum + count),
    60,
  );
  assert.equal(await frame.locator('.legend li').count(), 3);
  await screenshotInThemes(page, 'results-classification');
});

test('a study shows both sides with their spread, and the difference', async () => {
  await showResults(/^efficiency/);
  const frame = await webview(page, '.study');
  assert.equal(await frame.locator('.study-view circle').count(), 3 * 4);
  const cells = await frame.locator('.study tbody tr').first().locator('td').allTextContents();
  assert.deepEqual(cells, ['0.520 ± 0.020', '0.400 ± 0.030', '+0.120 ± 0.025', '3 of 3']);
  await screenshotInThemes(page, 'results-study');
});
