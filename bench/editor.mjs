// How soon VS Code shows what somebody asks for, in a real workbench: `node bench/editor.mjs [--repeats 3] [--json]`. Milliseconds on
// the clock, the median of the repeats; loading the extension is time of computing, in a process of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import {
  killTrainers,
  makeSample,
  pretraining,
  runStates,
  startVoco,
  voco,
  writeConfig,
} from '../test/extension/samples.mjs';
import { waitForViewer, writeVolume } from '../test/extension/volumes.mjs';
import {
  eventually,
  extensionLog,
  openFile,
  openSideBar,
  openWorkbench,
  root,
  rows,
  runCommand,
  startBrowser,
  startServer,
  webview,
} from '../test/extension/workbench.mjs';
import { busyWarning, describeMachine, machineLine } from './machine.mjs';

const { values: options } = parseArgs({
  options: { repeats: { type: 'string', default: '3' }, json: { type: 'boolean', default: false } },
});
const machine = describeMachine();
const times = {};
const add = (what, ms) => (times[what] ??= []).push(ms);

const RUNS = 2000;
const CASES = 620;

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

const config = pretraining({
  name: 'preview',
  data: {
    train: [{ folder: 'phantom/imagesTr' }],
    preprocess: { resize: [96, 96, 32] },
    cache: { enabled: false },
    workers: 0,
  },
  method: { grid: [3, 3, 1], crop: [32, 32, 32], input: [16, 16, 32], projector: { hidden: 64, out: 64 } },
  train: { steps: 20, checkpointEvery: 20 },
});

/** Runs of a grid search, cases of a dataset, and a pre-training with a checkpoint. */
function prepare(server) {
  for (let i = 0; i < RUNS; i++) {
    const name = `search-${String(i).padStart(4, '0')}`;
    const dir = join(server.folder, 'runs', name);
    mkdirSync(dir, { recursive: true });
    const created = new Date(Date.UTC(2025, 0, 1) + i * 3_600_000).toISOString();
    const state = { format: 1, name, kind: 'pretrain', state: 'finished', step: 100, totalSteps: 100, created };
    writeFileSync(join(dir, 'run.json'), JSON.stringify({ ...state, started: created, ended: created }));
    writeFileSync(join(dir, 'config.json'), JSON.stringify({ name, seed: i % 10, train: { steps: 100 } }));
    writeFileSync(join(dir, 'metrics.jsonl'), `${JSON.stringify({ step: 100, loss: 0.2 + i / RUNS })}\n`);
  }
  mkdirSync(join(server.folder, 'many/imagesTr'), { recursive: true });
  for (let n = 1; n <= CASES; n++)
    writeVolume(join(server.folder, `many/imagesTr/case${n}.nii`), [12, 10, 6], (x, y) => x * y + n);
  writeConfig(server, 'many', { data: { train: [{ folder: 'many/imagesTr' }] } });
  makeSample(server, 3);
  const size = ['--cases', '3', '--size', '96,96,64'];
  voco(server, 'phantom', '--out', join(server.folder, 'phantom'), ...size);
  voco(server, 'pretrain', writeConfig(server, 'preview', config));
  writeConfig(server, 'long', pretraining({ name: 'long', train: { steps: 100_000, checkpointEvery: 50_000 } }));
}

/** Milliseconds until an element of a panel first matches, by the panel's own clock, from what `act` returns. */
async function until(frame, selector, pattern, act) {
  const seen = frame.locator('#app').evaluate(
    (app, [wanted, source]) =>
      new Promise((done) => {
        const before = [...app.querySelectorAll(wanted)].map((one) => one.textContent).join();
        const look = () => {
          const texts = [...app.querySelectorAll(wanted)].map((one) => one.textContent);
          if (texts.join() === before || !texts.some((text) => new RegExp(source).test(text))) return;
          observer.disconnect();
          done(Date.now());
        };
        const observer = new MutationObserver(look);
        observer.observe(app, { subtree: true, childList: true, characterData: true });
      }),
    [selector, pattern],
  );
  const start = await act();
  return (await seen) - start;
}

/** Replaces a piece of the config in its editor without saving; when the last key was pressed. */
async function edit(page, from, to) {
  await page.locator('.editor-group-container').first().locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('Control+H');
  const widget = page.locator('.find-widget.visible');
  await widget.locator('.find-part textarea').fill(from);
  await widget.locator('.replace-part textarea').fill(to);
  await widget.locator('.replace-part textarea').focus();
  await widget.locator('.matchesCount', { hasText: /of 1$/ }).waitFor();
  const pressed = Date.now();
  await page.keyboard.press('Control+Alt+Enter');
  await page.keyboard.press('Escape');
  return pressed;
}

async function crops(page, n) {
  await openFile(page, 'preview.voco.json');
  await runCommand(page, 'VoCo: Preview Crops');
  const frame = await webview(page, '#app[data-drawn="true"]');
  const choices = frame.locator('#checkpoint');
  const option = choices.locator('option').filter({ hasText: 'step 20' });
  await option.waitFor({ state: 'attached' });
  const chosen = Date.now();
  await choices.selectOption(await option.getAttribute('value'));
  await frame.locator('#network[data-predicted="true"]').waitFor();
  add('first prediction of a checkpoint', Date.now() - chosen);
  await frame.locator('#network[data-report="true"]').waitFor();
  add('map of 96 positions of a checkpoint', Date.now() - chosen);
  await frame.locator('canvas[data-plane="2"]').focus();
  const move = async () => {
    const pressed = Date.now();
    await page.keyboard.press('Shift+ArrowUp');
    return pressed;
  };
  add('prediction after a crop is moved', await until(frame, '.label .answer', '.', move));
  // Once before it is timed: the first edit of a window loads things.
  await edit(page, '"name": "preview"', '"name": "look"');
  const crop = () => edit(page, '"crop": [\n      32', '"crop": [\n      24');
  add('preview after an edit of the crop', await until(frame, '#where', '^24×32', crop));
  const resize = () => edit(page, '"resize": [\n        96', `"resize": [\n        ${84 - n}`);
  add('preview after an edit of preprocessing', await until(frame, 'figure', `${84 - n}×96×32`, resize));
  await runCommand(page, 'View: Revert and Close Editor');
}

async function lists(page) {
  await openSideBar(page);
  const row = (text) => rows(page, 'Datasets').filter({ hasText: text }).first();
  await row('imagesTr').waitFor();
  const begun = Date.now();
  await row('imagesTr').locator('.monaco-tl-twistie').click();
  await row('case1').waitFor();
  add(`first of ${CASES} cases of a dataset`, Date.now() - begun);
  const start = Date.now();
  await runCommand(page, 'VoCo: Show Runs Table');
  const grid = (await webview(page, '.grid')).locator('.grid');
  await eventually(async () => Number(await grid.getAttribute('data-rows')) >= RUNS, 'all runs');
  add(`table of ${RUNS} runs, from the command`, Date.now() - start);
}

async function killed(page, server) {
  startVoco(server, 'pretrain', join(server.folder, 'long.voco.json'));
  const run = await eventually(
    () => runStates(server).find(({ name, state, step }) => name === 'long' && state === 'running' && step > 0),
    'a run that trains',
  );
  await openSideBar(page);
  const row = rows(page, 'Runs').filter({ hasText: /^long/ }).first();
  await eventually(async () => /% · loss/.test(await row.textContent()), 'shown as running');
  const start = Date.now();
  process.kill(run.pid, 'SIGKILL');
  await eventually(async () => /ended unexpectedly/.test(await row.textContent()), 'shown as failed');
  add('killed trainer shown as failed', Date.now() - start);
}

const browser = await startBrowser();
for (let n = 0; n < Number(options.repeats); n++) {
  const bundle = join(root, 'dist/extension.cjs');
  add("loading the extension's code (computing)", Number(execFileSync(process.execPath, ['-e', LOADING, bundle])));
  const server = await startServer();
  try {
    prepare(server);
    const page = await openWorkbench(browser, server.url(), { width: 1500, height: 900 });
    await waitForViewer(page);
    await lists(page);
    await crops(page, n);
    await killed(page, server);
    const [, clock, computing] = /activated in ([\d.]+) ms \(([\d.]+) ms of computing\)/.exec(extensionLog(server));
    add('activation', Number(clock));
    add('activation (computing)', Number(computing));
    await page.context().close();
  } finally {
    killTrainers(server);
    await server.stop();
  }
}
await browser.close();

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const medians = Object.fromEntries(Object.entries(times).map(([what, all]) => [what, median(all)]));
if (options.json) console.log(JSON.stringify({ machine, milliseconds: medians, all: times }));
else {
  console.log(machineLine(machine));
  const warning = busyWarning(machine);
  if (warning) console.log(warning);
  for (const [what, ms] of Object.entries(medians)) console.log(`${what}: ${ms.toFixed(0)} ms`);
}
process.exit(0);
