// The extension in a workbench without any data: activation, empty views, palette.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import {
  clearNotifications,
  eventually,
  extensionLog,
  notification,
  openSideBar,
  openWalkthrough,
  openWorkbench,
  root,
  runCommand,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  walkthroughSteps,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url()));
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('empty views say what to do next', async () => {
  await openSideBar(page);
  await page.locator('.sidebar .monaco-button', { hasText: 'Pre-train' }).waitFor();
  await page.locator('.sidebar .monaco-button', { hasText: 'New Experiment' }).waitFor();
  await screenshotInThemes(page, 'views-empty');
});

test('the log tells how long activation took', async () => {
  await eventually(
    () => /activated in [\d.]+ ms \([\d.]+ ms of computing\)/.test(extensionLog(server)),
    'the log line',
  );
});

// What loading costs is measured by bench/activation.mjs; tensors are what would make it slow.
test('the code of the extension holds nothing that computes', () => {
  const bundle = readFileSync(join(root, 'dist/extension.cjs'), 'utf8');
  assert.doesNotMatch(bundle, /@tensorflow|registerBackend|voco_onednn\.node/);
});

test('a command without anything to work on leads on', async () => {
  await runCommand(page, 'VoCo: Stop Run');
  const toast = await notification(page, 'There are no runs in this folder yet');
  await toast.locator('.monaco-button', { hasText: 'Pre-train' }).waitFor();
});

test('the walkthrough leads from sample data to results', async () => {
  await clearNotifications(page);
  await openWalkthrough(page);
  const first = walkthroughSteps(page).filter({ hasText: 'Make a sample dataset' });
  await first.locator('.markdown-container, h3').first().waitFor();
  await screenshotInThemes(page, 'walkthrough');
});

test('a step of the walkthrough is done by doing it', async () => {
  await openWalkthrough(page);
  const watch = walkthroughSteps(page).filter({ hasText: 'Watch the loss curves' });
  assert.equal(await watch.locator('.complete').count(), 0);
  await runCommand(page, 'VoCo: Show Loss Curves');
  await page.locator('.tab', { hasText: 'Loss curves' }).waitFor();
  await eventually(async () => {
    await openWalkthrough(page);
    return (await watch.locator('.complete').count()) > 0;
  }, 'the step is ticked');
});
