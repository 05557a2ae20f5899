// How soon and how smooth the curves panel is with long runs, in a real workbench: `node bench/panel.mjs [runs] [steps] [folder]`.
// Selects all runs in the runs table, lays their curves over one another, moves the cursor, zooms and changes the smoothing.
// Frames are the times between animation frames in the panel; a probe in the extension host tells how long it was blocked.
// The runs (100 MB for 250,000 steps) are written first, or taken from a folder that an earlier call wrote.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { writeRun } from '../test/extension/syntheticRuns.mjs';
import {
  eventually,
  openWorkbench,
  runCommand,
  startBrowser,
  startServer,
  webview,
} from '../test/extension/workbench.mjs';
import { describeMachine, machineLine } from './machine.mjs';

/** Without a GPU the browser draws canvases itself, as VS Code then does; the tests' WebGL in software is far slower at that. */
const SOFTWARE_CANVAS = ['--disable-accelerated-2d-canvas', '--disable-gpu-rasterization'];

const machine = describeMachine();
const [count, steps] = [Number(process.argv[2] ?? 10), Number(process.argv[3] ?? 250_000)];

function prepare(folder) {
  if (existsSync(folder) && readdirSync(folder).length >= count) return;
  for (let i = 0; i < count; i++)
    writeRun(folder, `run-20260101-0000${String(i).padStart(2, '0')}`, { steps, seed: i + 1 });
}

/** An extension that measures how long the host's event loop is held up, and writes it down. */
function makeProbe() {
  const folder = join(mkdtempSync(join(tmpdir(), 'voco-probe-')), 'bench.probe-0.0.1');
  const [output, reset] = [join(folder, 'delay.json'), join(folder, 'reset')];
  mkdirSync(folder);
  const manifest = { name: 'probe', publisher: 'bench', version: '0.0.1', engines: { vscode: '^1.95.0' } };
  const start = { activationEvents: ['*'], main: './probe.js' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, ...start }));
  writeFileSync(
    join(folder, 'probe.js'),
    `const { monitorEventLoopDelay } = require('node:perf_hooks');
     const { writeFileSync, existsSync, unlinkSync } = require('node:fs');
     const [output, reset] = ${JSON.stringify([output, reset])};
     exports.activate = () => {
       const delay = monitorEventLoopDelay({ resolution: 5 });
       delay.enable();
       const ms = (value) => Math.max(0, value / 1e6 - 5);
       setInterval(() => {
         if (existsSync(reset)) {
           delay.reset();
           return unlinkSync(reset);
         }
         writeFileSync(output, JSON.stringify({ p99: ms(delay.percentile(99)), max: ms(delay.max) }));
       }, 200);
     };`,
  );
  return {
    folder,
    async reset() {
      writeFileSync(reset, '');
      await eventually(() => !existsSync(reset), 'the probe');
    },
    async read() {
      await new Promise((done) => setTimeout(done, 500));
      return JSON.parse(readFileSync(output, 'utf8'));
    },
    remove: () => rmSync(dirname(folder), { recursive: true }),
  };
}

/** In the panel, once it is there: when it first showed a curve and all of them, and the frames since `frames()`. */
function watchPanel() {
  const seen = { deltas: [] };
  globalThis.panel = seen;
  let last;
  const look = (now) => {
    if (last !== undefined) seen.deltas.push(now - last);
    last = now;
    const { drawn, reading } = document.getElementById('app')?.dataset ?? {};
    if (Number(drawn) > 0) {
      // What was drawn in this frame is on the screen in the next.
      requestAnimationFrame(() => (seen.first ??= Date.now()));
      if (reading === 'false') requestAnimationFrame(() => (seen.all ??= Date.now()));
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

const rounded = (value) => (value === undefined ? '-' : String(Math.round(value)));

/** The frames of an action, as a line: median, 95th percentile, longest, and how many took more than 50 ms. */
async function frames(frame, name, action) {
  await frame.locator('#app').evaluate(() => (globalThis.panel.deltas = []));
  const extra = await action();
  const deltas = (await frame.locator('#app').evaluate(() => globalThis.panel.deltas)).sort((a, b) => a - b);
  const at = (share) => rounded(deltas[Math.min(deltas.length - 1, Math.floor(share * deltas.length))]);
  const slow = deltas.filter((delta) => delta > 50).length;
  console.log(
    `${name}: ${deltas.length} frames, median ${at(0.5)} ms, 95 % below ${at(0.95)} ms, longest ${at(1)} ms, ` +
      `${slow} over 50 ms${extra ? `; ${extra}` : ''}`,
  );
}

const middle = (times) => rounded([...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]);

async function moveCursor(page, box) {
  for (let i = 0; i <= 120; i++) await page.mouse.move(box.x + (box.width * i) / 121, box.y + 60 + (i % 40));
}

/** Zooms by dragging and back by a double click; answers how long the curves took to follow. */
async function zoom(page, frame, box) {
  const label = () => frame.locator('[data-chart="loss"] .plot').getAttribute('aria-label');
  const times = [];
  for (let i = 0; i < 5; i++) {
    const before = await label();
    await page.mouse.move(box.x + box.width * (0.2 + 0.05 * i), box.y + 80);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * (0.5 + 0.05 * i), box.y + 80, { steps: 10 });
    await page.mouse.up();
    const start = Date.now();
    await eventually(async () => (await label()) !== before, 'the zoomed curves');
    times.push(Date.now() - start);
    const zoomed = await label();
    await page.mouse.dblclick(box.x + box.width / 2, box.y + 80);
    await eventually(async () => (await label()) !== zoomed, 'the whole curves');
  }
  return `curves after ${middle(times)} ms (median of ${times.length})`;
}

async function smooth(frame) {
  const slider = frame.locator('#smoothing');
  await slider.focus();
  for (let i = 0; i < 10; i++) {
    await slider.press('ArrowLeft');
    await new Promise((done) => setTimeout(done, 150));
  }
}

async function measure(page, probe) {
  await runCommand(page, 'VoCo: Show Runs Table');
  const table = await webview(page, '.grid');
  await eventually(async () => (await table.locator('.grid').getAttribute('data-rows')) === String(count), 'all runs');
  for (let i = 0; i < count; i++) await table.locator(`.row[data-index="${i}"] [data-key=select]`).click();
  await probe.reset();
  const start = Date.now();
  await table.locator('#curves').click();
  const frame = await webview(page, '#app > header');
  await frame.locator('#app').evaluate(watchPanel);
  await eventually(() => frame.locator('#app').evaluate(() => globalThis.panel.all), 'all curves', 120_000);
  const { first, all } = await frame.locator('#app').evaluate(() => globalThis.panel);
  console.log(
    `first curves on the screen ${first - start} ms after the click, all ${count} runs after ${all - start} ms`,
  );
  const opening = await probe.read();
  console.log(
    `extension host meanwhile: blocked ${rounded(opening.max)} ms at most, 99 % below ${rounded(opening.p99)} ms`,
  );
  await probe.reset();
  const box = await frame.locator('[data-chart="loss"] .u-over').boundingBox();
  await frames(frame, 'at rest', () => page.waitForTimeout(1000));
  await frames(frame, 'cursor', () => moveCursor(page, box));
  await frames(frame, 'zoom', () => zoom(page, frame, box));
  await frames(frame, 'smoothing', () => smooth(frame));
  const use = await probe.read();
  console.log(`extension host meanwhile: blocked ${rounded(use.max)} ms at most, 99 % below ${rounded(use.p99)} ms`);
}

const given = process.argv[4] && resolve(process.argv[4]);
if (given) prepare(given);
const probe = makeProbe();
const server = await startServer({ others: [probe.folder] });
let browser;
try {
  if (given) symlinkSync(given, join(server.folder, 'runs'));
  else prepare(join(server.folder, 'runs'));
  browser = await startBrowser(SOFTWARE_CANVAS);
  const page = await openWorkbench(browser, server.url(), { width: 1600, height: 1000 });
  console.log(`${count} runs of ${steps} steps`);
  await measure(page, probe);
  console.log(machineLine(machine));
} finally {
  await browser?.close();
  await server.stop();
  probe.remove();
}
