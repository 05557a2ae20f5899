// A whole training in the workbench, as a person would do it, with the real trainer on synthetic volumes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import { killTrainers, makeSample, pretraining, runStates, writeConfig } from './samples.mjs';
import {
  eventually,
  openFile,
  openSideBar,
  openWorkbench,
  recordTexts,
  reloadWindow,
  rows,
  runCommand,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';

let server, browser, page;
const test = scenarios(() => ({ page, server }));

const config = pretraining({
  name: 'tiny',
  device: 'auto',
  schedule: { warmupSteps: 5 },
  // More steps than any test waits for; the last one shortens the run.
  train: { steps: 20_000, checkpointEvery: 5000 },
});

before(async () => {
  server = await startServer();
  makeSample(server, 3);
  writeConfig(server, 'tiny', config);
  writeFileSync(
    join(server.folder, 'broken.voco.json'),
    '{\n  "kind": "pretrain",\n  "data": { "train": [{ "folder": "nowhere" }] },\n  "sede": 1\n}\n',
  );
  browser = await startBrowser();
  page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 });
});
after(async () => {
  killTrainers(server);
  await browser?.close();
  await server?.stop();
});

const runsFolder = () => join(server.folder, 'runs');

const metricSteps = (dir) =>
  readFileSync(join(dir, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).step);

const isRunning = (pid) => existsSync(`/proc/${pid}`);
const runRow = () => rows(page, 'Runs').first();
const toast = (text) => page.locator('.notification-toast', { hasText: text });

async function clearToasts() {
  await runCommand(page, 'Notifications: Clear All Notifications');
}

test('errors of a config are shown on their lines, and nothing is started', async () => {
  await openFile(page, 'broken.voco.json');
  await eventually(async () => (await page.locator('.squiggly-error').count()) >= 2, 'two errors underlined');
  await runCommand(page, 'VoCo: Pre-train');
  await toast(/Not started, line \d: /).waitFor();
  await page.locator('.editor .cursor').first().waitFor();
  assert.equal(existsSync(runsFolder()), false);
  await page.keyboard.press('F8');
  await screenshotInThemes(page, 'config-errors');
  await page.keyboard.press('Escape');
  await clearToasts();
});

test('a misspelt key has a quick fix', async () => {
  await page.locator('.view-line', { hasText: '"sede"' }).click();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Control+.');
  await page.locator('.action-widget .monaco-list-row', { hasText: /seed/ }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.view-line', { hasText: '"seed"' }).waitFor();
  await page.keyboard.press('Control+z');
  await runCommand(page, 'View: Revert and Close Editor');
});

test('completion offers keys with their explanation', async () => {
  await openFile(page, 'tiny.voco.json');
  await page.locator('.view-line', { hasText: '"name": "tiny"' }).click();
  await page.keyboard.press('Home');
  await page.keyboard.type('"prec');
  await page.keyboard.press('Control+Space');
  await page.locator('.suggest-widget .monaco-list-row', { hasText: 'precision' }).first().waitFor();
  await screenshot(page, 'config-completion');
  await page.keyboard.press('Escape');
  await runCommand(page, 'File: Revert File');
});

test('pre-training starts from the palette and shows its progress', async () => {
  const status = await recordTexts(page, '.statusbar-item');
  await page.locator('.codelens-decoration', { hasText: 'Pre-train' }).waitFor();
  await runCommand(page, 'VoCo: Pre-train');
  await openSideBar(page);
  await toast('is training').waitFor({ timeout: 60_000 });
  await eventually(
    async () => /\d+% · loss/.test((await runRow().textContent()) ?? ''),
    'progress in the tree',
    60_000,
  );
  await toast('is training').locator('.monaco-button', { hasText: 'Show Curves' }).click();
  const frame = await webview(page, '.chart');
  const step = async () => Number(await frame.locator('#app').getAttribute('data-drawn'));
  const first = await eventually(step, 'a first point');
  await eventually(async () => (await step()) > first, 'the curve moves');
  assert.ok((await status()).some((text) => /VoCo \d+%/.test(text)));
  await screenshotInThemes(page, 'training');
});

test('after a reload the run is still there, and its curve complete', async () => {
  const [before] = runStates(server);
  await reloadWindow(page);
  await openSideBar(page);
  await eventually(
    async () =>
      /% · loss/.test(
        (await runRow()
          .textContent()
          .catch(() => '')) ?? '',
      ),
    'shown as running',
    30_000,
  );
  const [now] = runStates(server);
  assert.equal(now.pid, before.pid);
  const frame = await webview(page, '.chart', 40_000);
  const label = await eventually(async () => {
    const text = await frame
      .locator('[data-chart="loss"] .plot')
      .getAttribute('aria-label')
      .catch(() => '');
    return /at step \d+/.test(text ?? '') && text;
  }, 'the curve');
  assert.ok(Number(/at step (\d+)/.exec(label)[1]) >= 1);
});

test('pause and resume', async () => {
  await runCommand(page, 'VoCo: Pause Run');
  await eventually(async () => /paused at/.test((await runRow().textContent()) ?? ''), 'shown as paused');
  await runCommand(page, 'VoCo: Resume Run');
  await eventually(async () => /% · loss/.test((await runRow().textContent()) ?? ''), 'shown as running');
});

test('killing the extension host does not touch the run', async () => {
  const [{ pid }] = runStates(server);
  const hosts = spawnSync('pgrep', ['-f', '--', 'bootstrap-fork --type=extensionHost'], { encoding: 'utf8' });
  const mine = hosts.stdout
    .split('\n')
    .map(Number)
    .filter((one) => one > 0 && belongsTo(one, server.pid));
  assert.ok(mine.length > 0, 'an extension host was found');
  for (const host of mine) process.kill(host, 'SIGKILL');
  await eventually(() => mine.every((host) => !isRunning(host)), 'the extension hosts have ended');
  assert.ok(isRunning(pid));
  await reloadWindow(page);
  await openSideBar(page);
  await eventually(
    async () =>
      /% · loss/.test(
        (await runRow()
          .textContent()
          .catch(() => '')) ?? '',
      ),
    'shown as running',
    30_000,
  );
});

/** Whether a process descends from another. */
function belongsTo(pid, ancestor) {
  for (let at = pid; at > 1;) {
    if (at === ancestor) return true;
    try {
      at = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return false;
    }
  }
  return false;
}

test('stop writes a checkpoint and leaves no process behind', async () => {
  const [{ pid, dir }] = runStates(server);
  await runCommand(page, 'VoCo: Stop Run');
  await toast('was stopped at step').waitFor({ timeout: 60_000 });
  await eventually(() => !isRunning(pid), 'the trainer has ended');
  const [state] = runStates(server);
  assert.equal(state.state, 'interrupted');
  assert.ok(existsSync(join(dir, 'checkpoints', `step-${String(state.step).padStart(8, '0')}.safetensors`)));
  await runRow().locator('.monaco-tl-twistie').click();
  await rows(page, 'Runs')
    .filter({ hasText: new RegExp(`^step ${state.step}`) })
    .waitFor();
  await screenshot(page, 'stopped');
  await clearToasts();
});

test('a trainer that is killed is shown as failed within five seconds, with its last lines', async () => {
  await runCommand(page, 'VoCo: Resume Run');
  await eventually(() => runStates(server)[0].state === 'running', 'running again', 60_000);
  const [{ pid }] = runStates(server);
  await eventually(async () => /\d+%/.test((await runRow().textContent()) ?? ''), 'shown as running');
  const killed = Date.now();
  process.kill(pid, 'SIGKILL');
  await eventually(
    async () => /ended unexpectedly/.test((await runRow().textContent()) ?? ''),
    'shown as failed',
    5000,
  );
  assert.ok(Date.now() - killed < 5000);
  await toast('failed: the trainer ended unexpectedly').waitFor();
  await screenshotInThemes(page, 'failed');
});

test('a failed run is resumed from its notification, and finishes without a gap', async () => {
  const [{ dir }] = runStates(server);
  const checkpoints = readdirSync(join(dir, 'checkpoints')).map((name) => Number(/\d+/.exec(name)[0]));
  const steps = Math.max(...checkpoints) + 20;
  const file = join(dir, 'config.json');
  const own = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...own, train: { ...own.train, steps } }));
  await toast('failed:').locator('.monaco-button', { hasText: 'Resume' }).click();
  await toast('is finished').waitFor({ timeout: 120_000 });
  const [state] = runStates(server);
  assert.equal(state.step, steps);
  const expected = Array.from({ length: steps }, (_, i) => i + 1);
  assert.deepEqual(metricSteps(dir), expected);
  await eventually(() => !isRunning(state.pid), 'the trainer has ended');
  await screenshot(page, 'finished');
});

test('the data can be checked, and devices listed and chosen', async () => {
  await clearToasts();
  await openFile(page, 'tiny.voco.json');
  await runCommand(page, 'VoCo: Check Data');
  await toast(/The data (is in order|has \d+)/).waitFor({ timeout: 60_000 });
  await runCommand(page, 'VoCo: Look for Devices');
  await page.locator('.sidebar .pane-header', { hasText: 'Devices' }).click();
  await rows(page, 'Devices').filter({ hasText: 'wasm' }).waitFor({ timeout: 60_000 });
  await rows(page, 'Datasets').filter({ hasText: 'tiny' }).waitFor();
  await screenshotInThemes(page, 'views');
});
