// Several jobs at once, and none where the folder is not trusted.
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { writeRun } from './syntheticRuns.mjs';
import { killTrainers, makeSample, pretraining, runStates, trainers, writeConfig } from './samples.mjs';
import {
  eventually,
  notification,
  openFile,
  openSideBar,
  openWorkbench,
  pick,
  rows,
  runCommand,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

const config = (name) =>
  pretraining({ name, schedule: { warmupSteps: 5 }, train: { steps: 100_000, checkpointEvery: 50_000 } });

/** A workspace with synthetic volumes and two configs. */
async function prepare(settings = {}) {
  const made = await startServer({ settings });
  makeSample(made, 3);
  for (const name of ['one', 'two']) writeConfig(made, name, config(name));
  return made;
}

before(async () => {
  server = await prepare();
  browser = await startBrowser();
  await open();
});
after(async () => {
  killTrainers(server);
  await browser?.close();
  await server?.stop();
});

const row = (name) =>
  rows(page, 'Runs')
    .filter({ hasText: new RegExp(`^${name}`) })
    .first();
const shows = (name, text) =>
  eventually(
    async () =>
      text.test(
        (await row(name)
          .textContent({ timeout: 1000 })
          .catch(() => '')) ?? '',
      ),
    `${name} shows ${text}`,
  );

const states = (name) => runStates(server).filter((run) => run.name === name);

/** Starts a run from the palette. */
async function start(name) {
  await openFile(page, `${name}.voco.json`);
  await page.locator('.codelens-decoration a', { hasText: 'Pre-train' }).first().waitFor();
  await runCommand(page, 'VoCo: Pre-train');
}

/** `one` trains and `two` waits in the queue: as they do already, else started now. */
async function oneBeforeTwo() {
  await openSideBar(page);
  if (states('one').some(({ state }) => state === 'running') && states('two').some(({ state }) => state === 'queued'))
    return;
  killTrainers(server);
  rmSync(join(server.folder, 'runs'), { recursive: true, force: true });
  await runCommand(page, 'VoCo: Refresh Runs');
  await eventually(async () => (await row('one').count()) + (await row('two').count()) === 0, 'no runs');
  await start('one');
  await openSideBar(page);
  await shows('one', /% · loss/);
  await start('two');
  await shows('two', /queued/);
}

test('a second run waits in the queue while its device is taken', async () => {
  await oneBeforeTwo();
  await notification(page, 'waits in the queue');
  assert.equal(trainers(server).length, 1);
  await screenshotInThemes(page, 'queue');
});

test('a run is paused and resumed from the palette', async () => {
  await oneBeforeTwo();
  await runCommand(page, 'VoCo: Pause Run');
  await shows('one', /paused at/);
  await runCommand(page, 'VoCo: Resume Run');
  await shows('one', /% · loss/);
});

test('when a run is stopped the next one starts, and in the end no process is left', async () => {
  await oneBeforeTwo();
  await runCommand(page, 'VoCo: Stop Run');
  await pick(page, 'one-');
  await shows('one', /stopped at step/);
  await shows('two', /% · loss/);
  assert.equal(trainers(server).length, 1);
  await runCommand(page, 'VoCo: Stop Run');
  await shows('two', /stopped at step/);
  await eventually(() => trainers(server).length === 0, 'no trainer is left');
});

test('a deleted run goes to the trash', async () => {
  const runs = join(server.folder, 'runs');
  const dir = writeRun(runs, 'ended-20260101-000000', { steps: 50 });
  await openSideBar(page);
  await runCommand(page, 'VoCo: Refresh Runs');
  await row('ended').waitFor();
  await runCommand(page, 'VoCo: Delete Run');
  await pick(page, 'ended-');
  await page.locator('.monaco-dialog-box', { hasText: 'with its checkpoints?' }).waitFor();
  await page.locator('.monaco-dialog-box .monaco-button', { hasText: 'Move to Trash' }).click();
  await row('ended').waitFor({ state: 'detached' });
  assert.equal(existsSync(dir), false);
});

test('a folder that is not trusted can be looked at, but starts nothing', async () => {
  await page.context().close();
  killTrainers(server);
  await server.stop();
  server = await prepare({
    'security.workspace.trust.enabled': true,
    'security.workspace.trust.startupPrompt': 'never',
  });
  writeRun(join(server.folder, 'runs'), 'earlier-20260101-000000', { steps: 500 });
  await open();
  await openFile(page, 'one.voco.json');
  const lenses = page.locator('.codelens-decoration');
  await lenses.filter({ hasText: 'Preview crops' }).waitFor();
  assert.doesNotMatch(await lenses.first().textContent(), /Pre-train|Check data|Estimate/);
  await openSideBar(page);
  await shows('earlier', /loss 0\.14/);
  await row('earlier').click();
  await runCommand(page, 'VoCo: Show Loss Curves');
  const frame = await webview(page, '#app[data-drawn="500"]');
  assert.ok((await frame.locator('.chart:not([hidden])').count()) > 3);
  const input = page.locator('.quick-input-widget input.input');
  await page.keyboard.press('F1');
  await input.fill('>VoCo: ');
  const offered = page.locator('.quick-input-widget .monaco-list-row');
  await offered.filter({ hasText: 'VoCo: Show Loss Curves' }).waitFor();
  const titles = await offered.allTextContents();
  for (const title of ['Pre-train', 'Check Data', 'Estimate', 'Stop Run', 'Delete Run']) {
    assert.ok(!titles.some((text) => text.includes(`VoCo: ${title}`)), `${title} is not offered`);
  }
  await page.keyboard.press('Escape');
  await screenshotInThemes(page, 'restricted');
  assert.equal(trainers(server).length, 0);
});
