// The extension in a workbench without any data: activation, empty views, palette.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import {
  eventually,
  extensionLog,
  openSideBar,
  openWorkbench,
  pick,
  root,
  runCommand,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
} from './workbench.mjs';

let server, browser, page;
const test = scenarios(() => ({ page, server }));

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url());
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

// Time on the clock depends on what else the machine does; time spent computing does not.
test('activation computes for less than 50 ms', async () => {
  const line = await eventually(() => /([\d.]+) ms of computing/.exec(extensionLog(server)), 'the log line');
  console.log(`activated with ${line[1]} ms of computing`);
  assert.ok(Number(line[1]) < 50, `${line[1]} ms`);
});

/** Loads the extension's bundle in a process of its own, with classes in place of the editor's, and prints the time. */
const LOADING = `
  const Module = require('node:module');
  const [bundle] = process.argv.slice(1);
  const text = require('node:fs').readFileSync(bundle, 'utf8');
  const editor = Object.fromEntries([...text.matchAll(/vscode\\d*\\.(\\w+)/g)].map(([, name]) => [name, class {}]));
  const load = Module._load;
  Module._load = (name, ...rest) => (name === 'vscode' ? editor : load(name, ...rest));
  // The editor has loaded Node's own modules already.
  for (const [, builtin] of text.matchAll(/require\\("(node:[^"]+|crypto|fs|path)"\\)/g)) require(builtin);
  const before = process.cpuUsage();
  require(bundle);
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / 1000);`;

test('the code of the extension is loaded with less than 50 ms of computing', () => {
  const bundle = join(root, 'dist/extension.cjs');
  const times = Array.from({ length: 5 }, () => Number(execFileSync(process.execPath, ['-e', LOADING, bundle])));
  console.log(`loaded with ${Math.min(...times).toFixed(1)} ms of computing (least of ${times.length})`);
  assert.ok(Math.min(...times) < 50, times.join());
});

test('a command without anything to work on leads on', async () => {
  await runCommand(page, 'VoCo: Stop Run');
  const toast = page.locator('.notification-toast', { hasText: 'There are no runs in this folder yet' });
  await toast.waitFor();
  await toast.locator('.monaco-button', { hasText: 'Pre-train' }).waitFor();
});

test('the walkthrough leads from sample data to results', async () => {
  await runCommand(page, 'Notifications: Clear All Notifications');
  await runCommand(page, 'Welcome: Open Walkthrough...');
  await pick(page, 'Pre-train on 3D CT with VoCo');
  const steps = page.locator('.getting-started-step');
  await eventually(async () => (await steps.count()) === 8, 'eight steps');
  await steps.filter({ hasText: 'Make a sample dataset' }).locator('.markdown-container, h3').first().waitFor();
  await screenshotInThemes(page, 'walkthrough');
});

test('a step of the walkthrough is done by doing it', async () => {
  const watch = page.locator('.getting-started-step', { hasText: 'Watch the loss curves' });
  assert.equal(await watch.locator('.complete').count(), 0);
  await runCommand(page, 'VoCo: Show Loss Curves');
  await page.locator('.tab', { hasText: 'Loss curves' }).waitFor();
  await page.locator('.tab').first().click();
  await eventually(async () => (await watch.locator('.complete').count()) > 0, 'the step is ticked');
});
