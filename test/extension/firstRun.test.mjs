// A new user's first minutes in an empty folder: from no data to a run by one command, and on through the walkthrough.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { killTrainers } from './samples.mjs';
import { writeSegmentationResults } from './syntheticResults.mjs';
import {
  answer,
  clearNotifications,
  eventually,
  notification,
  openFile,
  openWalkthrough,
  openWorkbench,
  pick,
  rows,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  walkthroughSteps,
  webview,
} from './workbench.mjs';

let server, browser, page, begun;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1400, height: 900 }));
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  await open();
});
after(async () => {
  killTrainers(server);
  await browser?.close();
  await server?.stop();
});

/** Pre-trains from nothing: a config, and the sample dataset for it, are made on the way. */
async function preTrain() {
  await runCommand(page, 'VoCo: Pre-train');
  await pick(page, 'New Experiment');
  await pick(page, 'VoCo: volume contrast');
  await pick(page, 'Demo on synthetic abdomens (voco phantom): a few minutes on two cores');
  await pick(page, 'as in the preset');
  await pick(page, 'Make a sample dataset');
  await page.locator('.quick-input-title', { hasText: 'how many cases' }).waitFor();
  await answer(page, '2');
  await page.locator('.quick-input-title', { hasText: '5 of 5' }).waitFor();
  await screenshot(page, 'new-experiment-sample');
  await answer(page, 'first');
  await page.locator('.tab', { hasText: 'first.voco.json' }).waitFor();
  await notification(page, 'is training');
  begun = page;
}

test('from nothing to a config: the sample dataset is made on the way', async () => {
  await preTrain();
  const text = readFileSync(join(server.folder, 'first.voco.json'), 'utf8');
  assert.match(text, /"datalist": "sample-data\/dataset_0.json"/);
});

/** The titles of the steps that are ticked. */
const done = () =>
  walkthroughSteps(page)
    .filter({ has: page.locator('.complete') })
    .locator('h3')
    .allTextContents();

test('the steps of the walkthrough are done by doing them, and stay done', async () => {
  // Another window has not seen the first steps done: from nothing again.
  if (begun !== page) {
    await page.context().close();
    killTrainers(server);
    await server.stop();
    server = await startServer();
    await open();
    await preTrain();
  }
  // The run has done its part, and takes the machine from the rest.
  killTrainers(server);
  await clearNotifications(page);
  await openWalkthrough(page);
  // What was done before the walkthrough was ever opened counts as well.
  const early = ['Make a sample dataset', 'Write an experiment config', 'Pre-train'];
  await eventually(async () => (await done()).join() === early.join(), 'three steps are ticked');
  await openFile(page, 'first.voco.json');
  await runCommand(page, 'VoCo: Check Data');
  await notification(page, /No problems found in the data|The data has \d+/);
  await runCommand(page, 'VoCo: Preview Crops');
  await webview(page, '#app[data-drawn="true"] figure');
  await openFile(page, 'img0001.nii.gz');
  await webview(page, '.tile canvas');
  await runCommand(page, 'VoCo: Show Loss Curves');
  await webview(page, '.runs vscode-checkbox');
  writeSegmentationResults(join(server.folder, 'runs'), 'organs-20260101-000000');
  await runCommand(page, 'VoCo: Refresh Runs');
  await rows(page, 'Runs')
    .filter({ hasText: /^organs/ })
    .waitFor();
  await runCommand(page, 'VoCo: Show Results');
  // A page that is left before it shows anything was not looked at.
  await webview(page, '.cases tbody tr');
  const allDone = async () => {
    await openWalkthrough(page);
    return (await done()).length === 8;
  };
  await eventually(allDone, 'eight steps are ticked').catch(async () => {
    assert.fail(`only these are ticked: ${(await done()).join('; ')}`);
  });
  await screenshotInThemes(page, 'walkthrough-done');
});
