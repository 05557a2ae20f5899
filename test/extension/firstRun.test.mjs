// A new user's first minutes in an empty folder: from no data to a run, by one command.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import {
  answer,
  openWorkbench,
  pick,
  runCommand,
  scenarios,
  screenshot,
  startBrowser,
  startServer,
} from './workbench.mjs';

let server, browser, page;
const test = scenarios(() => ({ page, server }));

before(async () => {
  server = await startServer();
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url(), { width: 1400, height: 900 });
});
after(async () => {
  for (const pid of trainers()) process.kill(pid, 'SIGKILL');
  await browser?.close();
  await server?.stop();
});

/** Processes that were started for runs in this workspace and live still. */
function trainers() {
  const runs = server && join(server.folder, 'runs');
  if (!runs || !existsSync(runs)) return [];
  return readdirSync(runs)
    .map((name) => join(runs, name, 'launch.json'))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')).pid)
    .filter((pid) => pid !== undefined && existsSync(`/proc/${pid}`));
}

test('from nothing to a config: the sample dataset is made on the way', async () => {
  await runCommand(page, 'VoCo: Pre-train');
  await pick(page, 'New Experiment');
  await pick(page, 'demo');
  await pick(page, 'Make a sample dataset');
  await page.locator('.quick-input-title', { hasText: 'how many cases' }).waitFor();
  await answer(page, '2');
  await page.locator('.quick-input-title', { hasText: '3 of 3' }).waitFor({ timeout: 60_000 });
  await screenshot(page, 'new-experiment-sample');
  await answer(page, 'first');
  await page.locator('.tab', { hasText: 'first.voco.json' }).waitFor();
  const text = readFileSync(join(server.folder, 'first.voco.json'), 'utf8');
  assert.match(text, /"datalist": "sample-data\/dataset_0.json"/);
  await page.locator('.notification-toast', { hasText: 'is training' }).waitFor({ timeout: 60_000 });
});
