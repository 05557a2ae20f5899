// A whole training in the workbench, as a person would do it, with the real trainer on synthetic volumes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { after, before } from 'node:test';
import { killTrainers, makeSample, pretraining, runStates, startVoco, writeConfig } from './samples.mjs';
import {
  clearNotifications,
  eventually,
  notification,
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
  webviewNow,
  within,
} from './workbench.mjs';

let server, browser, page;
const open = async () => (page = await openWorkbench(browser, server.url(), { width: 1500, height: 950 }));
const test = scenarios(() => ({ page, server }), open);

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
  await open();
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
const shows = (text, what) =>
  eventually(
    async () =>
      text.test(
        (await runRow()
          .textContent({ timeout: 1000 })
          .catch(() => '')) ?? '',
      ),
    what,
  );

/** Resolved state of the only run: that of the file. */
const state = () => runStates(server)[0];

/** A run that trains, shown in the side bar: the one that does already, else one that is resumed or started by the command line. */
async function training() {
  const run = state();
  if (run?.state !== 'running' || !isRunning(run.pid)) {
    killTrainers(server);
    const args = ['pretrain', join(server.folder, 'tiny.voco.json'), ...(run ? ['--run', run.dir, '--resume'] : [])];
    if (run) setSteps(run.dir, config.train.steps);
    startVoco(server, ...args);
    await eventually(() => state()?.state === 'running' && state().step > (run?.step ?? 0), 'a run that trains');
  }
  await openSideBar(page);
  await shows(/% · loss/, 'shown as running');
  return state();
}

/** A run that was killed, shown as failed, with its notification. */
async function failed() {
  const run = await training();
  await clearNotifications(page);
  process.kill(run.pid, 'SIGKILL');
  await shows(/ended unexpectedly/, 'shown as failed');
  return run;
}

/** Changes the number of steps in the config of a run. */
function setSteps(dir, steps) {
  const file = join(dir, 'config.json');
  const own = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...own, train: { ...own.train, steps } }));
}

test('errors of a config are shown on their lines, and nothing is started', async () => {
  await openFile(page, 'broken.voco.json');
  await eventually(async () => (await page.locator('.squiggly-error').count()) >= 2, 'two errors underlined');
  await runCommand(page, 'VoCo: Pre-train');
  await notification(page, /Not started, line \d: /);
  await page.locator('.editor .cursor').first().waitFor();
  assert.equal(existsSync(runsFolder()), false);
  await page.keyboard.press('F8');
  await screenshotInThemes(page, 'config-errors');
  await page.keyboard.press('Escape');
  await clearNotifications(page);
});

test('a misspelt key has a quick fix', async () => {
  await openFile(page, 'broken.voco.json');
  await page.locator('.squiggly-error').first().waitFor();
  const fix = page.locator('.action-widget .monaco-list-row', { hasText: /seed/ }).first();
  await eventually(async () => {
    await page.locator('.view-line', { hasText: '"sede"' }).click();
    await page.keyboard.press('Home');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Control+.');
    const shown = await within(5000, (timeout) => fix.waitFor({ timeout }));
    if (!shown) await page.keyboard.press('Escape');
    return shown;
  }, 'the quick fix');
  await page.keyboard.press('Enter');
  await page.locator('.view-line', { hasText: '"seed"' }).waitFor();
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
  await runCommand(page, 'View: Revert and Close Editor');
});

test('pre-training starts from the palette and shows its progress', async () => {
  const status = await recordTexts(page, '.statusbar-item');
  await openFile(page, 'tiny.voco.json');
  await page.locator('.codelens-decoration', { hasText: 'Pre-train' }).waitFor();
  await runCommand(page, 'VoCo: Pre-train');
  await openSideBar(page);
  const told = await notification(page, 'is training');
  await shows(/\d+% · loss/, 'progress in the tree');
  await told.locator('.monaco-button', { hasText: 'Show Curves' }).click();
  const frame = await webview(page, '.chart');
  const step = async () => Number(await frame.locator('#app').getAttribute('data-drawn'));
  const first = await eventually(step, 'a first point');
  await eventually(async () => (await step()) > first, 'the curve moves');
  await eventually(async () => (await status()).some((text) => /VoCo \d+%/.test(text)), 'the status bar');
  await screenshotInThemes(page, 'training');
});

test('after a reload the run is still there, and its curve complete', async () => {
  const before = await training();
  if (!(await webviewNow(page, '.chart'))) await runCommand(page, 'VoCo: Show Loss Curves');
  await webview(page, '.chart');
  await reloadWindow(page);
  await openSideBar(page);
  await shows(/% · loss/, 'shown as running');
  assert.equal(state().pid, before.pid);
  const frame = await webview(page, '.chart');
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
  await training();
  await runCommand(page, 'VoCo: Pause Run');
  await shows(/paused at/, 'shown as paused');
  await runCommand(page, 'VoCo: Resume Run');
  await shows(/% · loss/, 'shown as running');
});

test('killing the extension host does not touch the run', async () => {
  const { pid } = await training();
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
  await shows(/% · loss/, 'shown as running');
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
  const { pid, dir } = await training();
  await clearNotifications(page);
  await runCommand(page, 'VoCo: Stop Run');
  await notification(page, 'was stopped at step');
  await eventually(() => !isRunning(pid), 'the trainer has ended');
  const { state: phase, step } = state();
  assert.equal(phase, 'interrupted');
  assert.ok(existsSync(join(dir, 'checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`)));
  await runRow().locator('.monaco-tl-twistie').click();
  await rows(page, 'Runs')
    .filter({ hasText: new RegExp(`^step ${step}`) })
    .waitFor();
  await screenshot(page, 'stopped');
});

// How soon: bench/editor.mjs.
test('a trainer that is killed is shown as failed, with its last lines', async () => {
  await failed();
  await notification(page, 'failed: the trainer ended unexpectedly');
  await screenshotInThemes(page, 'failed');
});

test('a failed run is resumed from its notification, and finishes without a gap', async () => {
  const { dir } = await failed();
  const checkpoints = readdirSync(join(dir, 'checkpoints')).map((name) => Number(/\d+/.exec(name)?.[0] ?? 0));
  const steps = Math.max(0, ...checkpoints) + 20;
  setSteps(dir, steps);
  const told = await notification(page, 'failed:');
  await told.locator('.monaco-button', { hasText: 'Resume' }).click();
  await notification(page, 'is finished');
  const { step, pid } = state();
  assert.equal(step, steps);
  const expected = Array.from({ length: steps }, (_, i) => i + 1);
  assert.deepEqual(metricSteps(dir), expected);
  await eventually(() => !isRunning(pid), 'the trainer has ended');
  await screenshot(page, 'finished');
});

test('the data can be checked, and devices listed and chosen', async () => {
  killTrainers(server);
  await clearNotifications(page);
  await openSideBar(page);
  await openFile(page, 'tiny.voco.json');
  await runCommand(page, 'VoCo: Check Data');
  await notification(page, /No problems found in the data|The data has \d+/);
  await runCommand(page, 'VoCo: Look for Devices');
  const devices = rows(page, 'Devices').filter({ hasText: 'wasm' });
  await devices.waitFor();
  await rows(page, 'Datasets').filter({ hasText: 'tiny' }).waitFor();
  await screenshotInThemes(page, 'views');
});
