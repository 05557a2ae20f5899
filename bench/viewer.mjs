// How soon a large volume is seen, and how much memory that takes: our viewer in a real workbench, and NiiVue's own loader on a
// bare page of the same browser. `node bench/viewer.mjs [repeats] [x,y,z] [--file FILE.nii.gz] [--alone]`; needs the bundles in
// dist/ and test/extension/setup.sh to have run. With --file that volume is opened, and written first when it is not there;
// --alone leaves NiiVue out, whose textures take a minute without a GPU.
import { copyFileSync, createReadStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';
import { waitForViewer } from '../test/extension/volumes.mjs';
import { openWorkbench, root, runCommand, startBrowser, startServer, webview } from '../test/extension/workbench.mjs';
import { makeVolume } from './largeVolume.mjs';
import { describeMachine, machineLine } from './machine.mjs';
import { extensionHostOf, peakOf, renderersOf, residentOf, startPeak } from './memory.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string' }, alone: { type: 'boolean', default: false } },
});
const machine = describeMachine();
const repeats = Number(positionals[0] ?? 3);
const size = (positionals[1] ?? '512,512,300').split(',').map(Number);

/** A page that does what `loadVolumes` of NiiVue does, and notes when the voxels are there and when the first picture is drawn. */
const page = `<!doctype html><canvas id="gl" style="width:1000px;height:700px"></canvas><script type="module">
  import { Niivue, NVImage } from '/niivue.js';
  const nv = new Niivue({ loadingText: '' });
  await nv.attachToCanvas(document.getElementById('gl'));
  const image = await NVImage.loadFromUrl({ url: '/volume.nii.gz' });
  const loaded = Date.now();
  nv.addVolume(image);
  nv.drawScene();
  const pixel = new Uint8Array(4);
  nv.gl.readPixels(0, 0, 1, 1, nv.gl.RGBA, nv.gl.UNSIGNED_BYTE, pixel);
  document.body.dataset.loaded = String(loaded);
  document.body.dataset.painted = String(Date.now());
</script>`;

function serve(folder, file) {
  const bundle = join(folder, '.niivue.js');
  buildSync({
    stdin: { contents: "export { Niivue, NVImage } from '@niivue/niivue'", resolveDir: root },
    outfile: bundle,
    bundle: true,
    minify: true,
    format: 'esm',
    logLevel: 'error',
  });
  const server = createServer((request, response) => {
    const send = (type, path) => {
      response.writeHead(200, { 'content-type': type, 'content-length': statSync(path).size });
      createReadStream(path).pipe(response);
    };
    if (request.url === '/niivue.js') send('text/javascript', bundle);
    else if (request.url === '/volume.nii.gz') send('application/octet-stream', file);
    else response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

/** Chooses a file in quick open; returns when Enter was pressed. */
async function pressEnter(window, name) {
  await window.keyboard.press('Control+P');
  const quick = window.locator('.quick-input-widget');
  await quick.locator('input.input').fill(name);
  await quick.locator('.monaco-list-row').filter({ hasText: name }).first().waitFor();
  const started = Date.now();
  await window.keyboard.press('Enter');
  return started;
}

/** Milliseconds from pressing Enter to the page's document, its script, the header, the voxels and the first painted slices. */
async function openOurs(window, server, browser, name) {
  const host = extensionHostOf(server.pid);
  const before = { host: residentOf(host), renderers: renderersOf(process.pid).map(residentOf) };
  startPeak(host);
  const started = await pressEnter(window, name);
  const frame = await webview(window, '#app[data-painted]', 120_000);
  const found = await frame.locator('#app').evaluate((app) => ({
    origin: performance.timeOrigin,
    marks: performance.getEntriesByType('mark').map(({ name, startTime }) => [name, startTime]),
    painted: Number(app.dataset.painted),
  }));
  const since = (ms) => Math.round(ms - started);
  const marks = Object.fromEntries(found.marks.map(([mark, ms]) => [mark, since(found.origin + ms)]));
  const after = { host: residentOf(host), renderers: renderersOf(process.pid).map(residentOf) };
  const sum = (all) => all.reduce((total, bytes) => total + bytes, 0);
  return {
    painted: since(found.painted),
    stages: { document: since(found.origin), ...marks },
    megabytes: {
      host: after.host - before.host,
      hostAtMost: peakOf(host) - before.host,
      pages: sum(after.renderers) - sum(before.renderers),
    },
  };
}

async function openTheirs(browser, port) {
  const context = await browser.newContext();
  const bare = await context.newPage();
  bare.on('pageerror', (error) => console.error(`NiiVue's page: ${error.message}`));
  bare.on('console', (message) => message.type() === 'error' && console.error(`NiiVue's page: ${message.text()}`));
  const begun = Date.now();
  await bare.goto(`http://127.0.0.1:${port}/`);
  await bare.locator('body[data-painted]').waitFor({ timeout: 300_000 });
  const { loaded, painted } = await bare.locator('body').evaluate(({ dataset }) => ({ ...dataset }));
  await context.close();
  return { loaded: Number(loaded) - begun, painted: Number(painted) - begun };
}

async function measure(window, server, browser, http, name) {
  const turns = [];
  for (let turn = 0; turn < repeats; turn++) {
    await runCommand(window, 'View: Close All Editors');
    const viewer = await openOurs(window, server, browser, name);
    await runCommand(window, 'View: Close All Editors');
    const niivue = values.alone ? undefined : await openTheirs(browser, http.address().port);
    turns.push({ viewer, niivue });
    console.error(`turn ${turn + 1}: ${JSON.stringify(turns.at(-1))}`);
  }
  return turns;
}

/** The turn of the median time, and what it took: milliseconds since Enter, MB of memory. */
function linesOf(turns) {
  const byTime = turns.map(({ viewer }) => viewer).sort((a, b) => a.painted - b.painted);
  const { painted, stages, megabytes } = byTime[Math.floor(byTime.length / 2)];
  const niivue = turns.flatMap((turn) => turn.niivue ?? []).sort((a, b) => a.painted - b.painted);
  const theirs = niivue[Math.floor(niivue.length / 2)];
  return [
    `${size.join('×')} voxels; the median of ${byTime.length} turns, ms from Enter to`,
    `first painted slices: ${painted} (all turns: ${byTime.map((turn) => turn.painted).join(' ')})`,
    `stages: ${Object.entries(stages).map(([stage, ms]) => `${stage} ${ms}`).join(', ')}`, // prettier-ignore
    `memory, MB more than before: extension host ${megabytes.host} (${megabytes.hostAtMost} at its peak), pages ${megabytes.pages}`,
    ...(theirs
      ? [`NiiVue, from loading a bare page: voxels read ${theirs.loaded}, first picture ${theirs.painted}`]
      : []),
    machineLine(machine),
  ];
}

const folder = mkdtempSync(join(tmpdir(), 'voco-bench-'));
const workspace = mkdtempSync(join(tmpdir(), 'voco-bench-'));
const file = values.file ?? join(folder, 'large.nii.gz');
if (!existsSync(file)) makeVolume(file, size);
const server = await startServer({ workspace });
const name = basename(file);
copyFileSync(file, join(server.folder, name));
const http = await serve(folder, file);
const browser = await startBrowser();
try {
  const window = await openWorkbench(browser, server.url(), { width: 1400, height: 900 });
  await waitForViewer(window);
  console.log(linesOf(await measure(window, server, browser, http, name)).join('\n'));
} finally {
  await browser.close();
  http.close();
  await server.stop();
  for (const one of [folder, workspace]) rmSync(one, { recursive: true, force: true });
}
