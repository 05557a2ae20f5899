// What the editor does for a config before anything is trained.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import {
  openFile,
  openWorkbench,
  reloadWindow,
  root,
  runCommand,
  scenarios,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

let server, browser, page;
const test = scenarios(() => ({ page, server }));

/** A network so small that a step takes a tenth of a second on one slow core. */
const config = {
  kind: 'pretrain',
  name: 'tiny',
  threads: 1,
  data: {
    train: [{ datalist: 'sample/dataset_0.json', key: 'training' }],
    validation: [{ datalist: 'sample/dataset_0.json', key: 'validation' }],
    preprocess: { resize: [64, 64, 32] },
  },
  method: { grid: [2, 2, 1], crop: [32, 32, 32], input: [32, 32, 32], randomCrops: 1 },
  network: { name: 'unet3d', featureSize: 4 },
  schedule: { warmupSteps: 5 },
  train: { steps: 20_000, batch: 1 },
};

before(async () => {
  server = await startServer();
  const sample = ['phantom', '--out', join(server.folder, 'sample'), '--cases', '4', '--size', '64,64,32'];
  const made = spawnSync(process.execPath, [join(root, 'dist/voco.cjs'), ...sample], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  writeFileSync(join(server.folder, 'tiny.voco.json'), `${JSON.stringify(config, null, 2)}\n`);
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('a run is estimated beside its config: memory, disk and measured time', async () => {
  await openFile(page, 'tiny.voco.json');
  await page.locator('.codelens-decoration a', { hasText: 'Estimate' }).click();
  const frame = await webview(page, '.cards[data-ready="true"]', 120_000);
  const titles = await frame.locator('.card h2').allTextContents();
  assert.deepEqual(titles, ['Time', 'Memory', 'Cache', 'Checkpoints', 'Data', 'Network']);
  const card = (title) => frame.locator('.card').filter({ has: page.locator(`h2:text-is("${title}")`) });
  assert.match(await card('Time').textContent(), /20,000 steps of .* s.*measured on \w+ just now/);
  assert.match(await card('Data').textContent(), /3 volumesand 1 held out/);
  await frame.locator('#start', { hasText: 'Pre-train' }).waitFor();
  assert.equal(existsSync(join(server.folder, 'runs')), false);
  await screenshotInThemes(page, 'estimate');
});

test('an estimate survives a reload without being made again', async () => {
  await reloadWindow(page);
  const frame = await webview(page, '.cards[data-ready="true"]');
  assert.match(await frame.locator('.message').textContent(), /^Estimated /);
  await runCommand(page, 'View: Close All Editors');
});
