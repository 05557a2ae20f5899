// The loss-curves panel on finished runs: charts, overlay, table, zoom, export, restoring.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { writeRun } from './syntheticRuns.mjs';
import {
  eventually,
  notification,
  openSideBar,
  openWorkbench,
  reloadWindow,
  rows,
  runCommand,
  saveAs,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
  webviewNow,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);
const STEPS = 20_000;

before(async () => {
  server = await startServer();
  const runs = join(server.folder, 'runs');
  writeRun(runs, 'voco-btcv-20260101-000000', { steps: STEPS, seed: 1, patch: { resumedAt: [8000] } });
  writeRun(runs, 'voco-btcv-20260102-000000', { steps: STEPS, seed: 2, collapsed: true });
  writeRun(runs, 'small-20260103-000000', { steps: 900, seed: 3, phase: 'failed', patch: { exitReason: 'disk full' } });
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const drawn = (frame, step) =>
  eventually(
    async () => (await frame.locator('#app').getAttribute('data-drawn')) === String(step),
    `step ${step} drawn`,
  );

/** The side bar with all runs. */
async function runList() {
  await openSideBar(page);
  await eventually(async () => (await rows(page, 'Runs').count()) === 3, 'three runs');
  return rows(page, 'Runs');
}

/** The panel with the curves of so many of the two long runs, drawn to the end; the one that is open, else a new one. */
async function panel(count = 1) {
  if (!(await webviewNow(page, '.chart'))) {
    const row = (await runList()).filter({ hasText: 'voco-btcvJan 1' });
    await row.hover();
    await row.locator('a[aria-label^="Show Loss Curves"]').click();
  }
  const frame = await webview(page, '.chart');
  await frame.locator('#tab-charts').click();
  await drawn(frame, STEPS);
  const chosen = frame.locator('.runs vscode-checkbox[current-checked="true"]');
  if ((await chosen.count()) !== count) {
    await frame.locator('.runs vscode-checkbox').nth(1).click();
    await eventually(async () => (await chosen.count()) === count, `${count} runs are chosen`);
    await eventually(
      async () => (await frame.locator('[data-chart="accuracy"] .legend li').count()) === count,
      `${count} lines`,
    );
  }
  return frame;
}

test('runs are listed with state and reason', async () => {
  const texts = await (await runList()).allTextContents();
  assert.match(texts[0], /^smalldisk full/);
  assert.match(texts[1], /^voco-btcvJan 2, \d\d:00 · loss 0\.14/);
});

test('the panel shows all charts of a run to its last step', async () => {
  const frame = await panel();
  const titles = await frame.locator('.chart:not([hidden]) h2').allTextContents();
  assert.deepEqual(titles.slice(0, 4), [
    'Loss',
    'Parts of the loss',
    'Position accuracy (share of random crops)',
    'Collapse monitor',
  ]);
  const label = await frame.locator('[data-chart="loss"] .plot').getAttribute('aria-label');
  assert.match(label, /Loss\. .*at step 20000/);
  assert.equal(await frame.locator('.warning:visible').count(), 0);
  await screenshotInThemes(page, 'curves-one');
});

test('several runs lie over one another, each in its colour', async () => {
  const frame = await panel(2);
  const colours = await frame
    .locator('[data-chart="accuracy"] .swatch')
    .evaluateAll((all) => all.map((one) => getComputedStyle(one).borderTopColor));
  assert.notEqual(colours[0], colours[1]);
  const warning = await frame.locator('[data-chart="collapse"] .warning').textContent();
  assert.match(warning, /voco-btcv-20260102.*: the embeddings have collapsed/);
  await screenshotInThemes(page, 'curves-two');
});

test('smoothing, logarithmic axis and zoom by typing', async () => {
  const frame = await panel(2);
  await frame.locator('#logarithmic').click();
  await frame.locator('#from').fill('5000');
  await frame.locator('#to').fill('6000');
  await frame.locator('#to').press('Enter');
  const label = frame.locator('[data-chart="loss"] .plot');
  await eventually(async () => /at step 6001/.test((await label.getAttribute('aria-label')) ?? ''), 'zoomed series');
  await frame.locator('#reset-zoom').click();
  await eventually(async () => /at step 20000/.test((await label.getAttribute('aria-label')) ?? ''), 'whole series');
  await frame.locator('#logarithmic').click();
});

test('values under the cursor are shown in every chart', async () => {
  const frame = await panel(2);
  await frame.locator('[data-chart="loss"] .u-over').hover({ position: { x: 100, y: 60 } });
  await frame.locator('[data-chart="loss"] .legend', { hasText: 'step' }).waitFor();
  await frame.locator('[data-chart="accuracy"] .legend', { hasText: 'step' }).waitFor();
});

test('marks say where a run was resumed and where a value was not finite', async () => {
  const frame = await panel(2);
  const marks = frame.locator('.marks li');
  await marks.filter({ hasText: /resumed at step 8,001/ }).waitFor();
  await marks.filter({ hasText: /not a finite number at step 14,000/ }).waitFor();
});

test('colours follow the theme while the panel is open', async () => {
  const frame = await panel(2);
  const look = () =>
    frame.locator('#app').evaluate((app) => {
      const { width, height } = app.querySelector('[data-chart="loss"] canvas');
      const { data } = app
        .querySelector('[data-chart="loss"] canvas')
        .getContext('2d')
        .getImageData(0, 0, width, height);
      let sum = 0;
      for (let i = 0; i < data.length; i += 4) sum += data[i + 3] > 200 ? data[i] - data[i + 2] : 0;
      const swatch = app.querySelector('[data-chart="accuracy"] .swatch');
      return {
        page: getComputedStyle(document.body).backgroundColor,
        swatch: getComputedStyle(swatch).borderTopColor,
        lines: sum,
      };
    });
  const dark = await look();
  await page.emulateMedia({ colorScheme: 'light' });
  await page.locator('.monaco-workbench.vs').waitFor();
  for (const part of ['page', 'swatch', 'lines']) {
    await eventually(async () => (await look())[part] !== dark[part], `the ${part} changes`);
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  await eventually(async () => JSON.stringify(await look()) === JSON.stringify(dark), 'as before');
});

test('nothing moves where motion is to be reduced', async () => {
  const frame = await panel(2);
  const moving = () =>
    frame.locator('#app').evaluate(
      (app) =>
        [...app.querySelectorAll('*')].filter((one) => {
          const { transitionDuration, animationName } = getComputedStyle(one);
          return animationName !== 'none' || /[1-9]/.test(transitionDuration);
        }).length,
    );
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await eventually(async () => (await moving()) === 0, 'no transition is left');
  assert.ok(await frame.locator('#app').evaluate(() => matchMedia('(prefers-reduced-motion: reduce)').matches));
  await page.emulateMedia({ reducedMotion: 'no-preference' });
});

test('the table holds the same numbers', async () => {
  const frame = await panel(2);
  await frame.locator('#tab-table').click();
  const first = frame.locator('tbody tr').first();
  await first.waitFor();
  assert.equal((await first.locator('th').textContent()).replace(/\D/g, ''), String(STEPS));
  await screenshotInThemes(page, 'curves-table');
});

test('a reloaded window restores the panel as it was', async () => {
  await (await panel(2)).locator('#tab-table').click();
  await reloadWindow(page);
  const frame = await webview(page, 'tbody tr');
  assert.equal(await frame.locator('.runs vscode-checkbox[current-checked="true"]').count(), 2);
  await frame.locator('#tab-charts').click();
  await drawn(frame, STEPS);
});

test('exports write files: all steps as CSV, a drawing, a picture', async () => {
  for (const [format, check] of [
    ['csv', (content) => assert.equal(content.toString().trim().split('\n').length, 2 * STEPS + 1)],
    ['svg', (content) => assert.match(content.toString(), /^<svg [^>]*>[\s\S]*Position accuracy[\s\S]*<\/svg>\n$/)],
    ['png', (content) => assert.equal(content.subarray(1, 4).toString(), 'PNG')],
  ]) {
    const frame = await panel(2);
    await frame.locator(`#export-${format}`).click();
    const file = join(server.folder, `curves.${format}`);
    await saveAs(page, file, `.${format}`);
    check(readFileSync(file));
  }
});

test('a run can be deleted and brought back', async () => {
  const list = await runList();
  await list.filter({ hasText: /^small/ }).click();
  await page.keyboard.press('Delete');
  await page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Move to Trash' }).click();
  await eventually(async () => (await list.count()) === 2, 'two runs left');
  const undo = await notification(page, 'small');
  await undo.locator('.monaco-button', { hasText: 'Undo' }).click();
  await eventually(async () => (await list.count()) === 3, 'three runs again');
});

test('opening the panel by the palette uses what is there', async () => {
  await panel(2);
  await runCommand(page, 'VoCo: Show Loss Curves');
  await drawn(await webview(page, '.chart'), STEPS);
  assert.equal(await page.locator('.tab', { hasText: 'Loss curves' }).count(), 1);
});
