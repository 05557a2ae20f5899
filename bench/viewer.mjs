// How soon a large volume is seen: our viewer in a real workbench, and NiiVue's own loader on a bare page of the same browser.
// `node bench/viewer.mjs [repeats] [x,y,z]`; needs the bundles in dist/ and test/extension/setup.sh to have run.
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { waitForViewer, writeVolume } from '../test/extension/volumes.mjs';
import {
  openFile,
  openWorkbench,
  root,
  runCommand,
  startBrowser,
  startServer,
  webview,
} from '../test/extension/workbench.mjs';

const repeats = Number(process.argv[2] ?? 3);
const size = (process.argv[3] ?? '512,512,300').split(',').map(Number);

/** A body with noise of a CT's kind, so that gzip finds as little as in a real one. */
function makeVolume(file) {
  let seed = 1;
  const noise = () => ((seed = Math.imul(seed, 1664525) + 1013904223) >>> 27) - 16;
  const [cx, cy] = [size[0] / 2, size[1] / 2];
  const plain = `${file}.nii`;
  writeVolume(plain, size, (x, y) =>
    ((x - cx) / cx) ** 2 + ((y - cy) / (0.7 * cy)) ** 2 < 0.8 ? 40 + 2 * noise() : -1024,
  );
  writeFileSync(file, gzipSync(readFileSync(plain), { level: 4 }));
  rmSync(plain);
}

/** A page that does what NiiVue's documentation says, and notes when the first picture is drawn. */
const page = `<!doctype html><canvas id="gl" style="width:1000px;height:700px"></canvas><script type="module">
  import { Niivue } from '/niivue.js';
  const nv = new Niivue({ loadingText: '' });
  await nv.attachToCanvas(document.getElementById('gl'));
  await nv.loadVolumes([{ url: '/volume.nii.gz' }]);
  nv.drawScene();
  const pixel = new Uint8Array(4);
  nv.gl.readPixels(0, 0, 1, 1, nv.gl.RGBA, nv.gl.UNSIGNED_BYTE, pixel);
  document.body.dataset.painted = String(Date.now());
</script>`;

function serve(file) {
  const bundle = join(folder, '.niivue.js');
  buildSync({
    stdin: { contents: "export { Niivue } from '@niivue/niivue'", resolveDir: root },
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

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const folder = mkdtempSync(join(tmpdir(), 'voco-bench-'));
const file = join(folder, 'large.nii.gz');
makeVolume(file);
const server = await startServer({ workspace: folder });
const http = await serve(file);
const browser = await startBrowser();
const times = { viewer: [], niivue: [] };
try {
  const window = await openWorkbench(browser, server.url(), { width: 1400, height: 900 });
  await waitForViewer(window);
  for (let turn = 0; turn < repeats; turn++) {
    await runCommand(window, 'View: Close All Editors');
    const started = Date.now();
    await openFile(window, 'large.nii.gz');
    const frame = await webview(window, '#app[data-painted]', 120_000);
    times.viewer.push(Number(await frame.locator('#app').getAttribute('data-painted')) - started);
    await runCommand(window, 'View: Close All Editors');
    const context = await browser.newContext();
    const bare = await context.newPage();
    bare.on('pageerror', (error) => console.error(`NiiVue's page: ${error.message}`));
    bare.on('console', (message) => message.type() === 'error' && console.error(`NiiVue's page: ${message.text()}`));
    const begun = Date.now();
    await bare.goto(`http://127.0.0.1:${http.address().port}/`);
    await bare.locator('body[data-painted]').waitFor({ timeout: 300_000 });
    times.niivue.push(Number(await bare.locator('body').getAttribute('data-painted')) - begun);
    await context.close();
    console.error(`turn ${turn + 1}: viewer ${times.viewer.at(-1)} ms, NiiVue ${times.niivue.at(-1)} ms`);
  }
  const [viewer, niivue] = [middle(times.viewer), middle(times.niivue)];
  const megabytes = statSync(file).size / 1e6;
  console.log(JSON.stringify({ size, megabytes, times, viewer, niivue, ratio: niivue / viewer }, null, 2));
} finally {
  await browser.close();
  http.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
