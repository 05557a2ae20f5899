// Opening checkpoint files: PyTorch's read-only, import with its report, the module tree, histograms, export.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import {
  eventually,
  notification,
  openFile,
  openWorkbench,
  pick,
  reloadWindow,
  root,
  saveAs,
  scenarios,
  screenshot,
  screenshotInThemes,
  startBrowser,
  startServer,
  webview,
} from './workbench.mjs';
import { waitForViewer } from './volumes.mjs';

let server, browser, page;
async function open() {
  page = await openWorkbench(browser, server.url(), { width: 1400, height: 850 });
  await waitForViewer(page);
}
const test = scenarios(() => ({ page, server }), open);

before(async () => {
  server = await startServer();
  cpSync(join(root, 'test/support/torch/pretraining.pt'), join(server.folder, 'encoder.pt'));
  writeFileSync(join(server.folder, 'tuned.safetensors'), fineTuned());
  writeFileSync(join(server.folder, 'broken.safetensors'), 'these are no weights');
  browser = await startBrowser();
  await open();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A checkpoint as a fine-tuning of a very small 3D U-Net writes it: 32 × 32 × 16 voxels, two classes. */
function fineTuned() {
  const levels = [0, 1, 2, 3, 4];
  const featureSize = 4;
  const width = (level) => featureSize * 2 ** level;
  const conv = (name, inner, outer, size) => [`${name}.weight`, [outer, inner, size, size, size]];
  const pair = (name, inner, outer) => [conv(`${name}.conv1`, inner, outer, 3), conv(`${name}.conv2`, outer, outer, 3)];
  const shapes = [
    ...levels.flatMap((level) => pair(`encoder.${level}`, level === 0 ? 1 : width(level - 1), width(level))),
    ...levels
      .slice(0, 4)
      .flatMap((level) => [
        [`decoder.${level}.up.weight`, [width(level + 1), width(level), 2, 2, 2]],
        ...pair(`decoder.${level}`, width(level + 1), width(level)),
      ]),
    conv('out', featureSize, 3, 1),
    ['out.bias', [3]],
  ];
  const config = {
    kind: 'finetune',
    seed: 0,
    network: { name: 'unet3d', featureSize, inChannels: 1 },
    crops: { size: [32, 32, 16] },
    task: {
      name: 'custom',
      output: 'softmax',
      classes: [1, 2].map((v) => ({ name: `organ ${v}`, values: [v], colour: '' })),
    },
    data: { train: [{ folder: 'images' }] },
    inference: { overlap: 0.5, mode: 'gaussian', flips: false },
  };
  const header = {
    __metadata__: { format: 'voco-checkpoint', kind: 'finetune', step: '1', config: JSON.stringify(config) },
  };
  let end = 0;
  for (const [name, shape] of shapes) {
    const begin = end;
    end += 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const values = Float32Array.from({ length: end / 4 }, (_, i) => Math.sin(i));
  return Buffer.concat([length, text, Buffer.from(values.buffer)]);
}

/** Answers the dialog that asks where to save. */
const saveTo = (name, ending) => saveAs(page, join(server.folder, name), ending);

/** The editor of a checkpoint, in front. */
async function editor(name) {
  await openFile(page, name);
  return webview(page, `h1:has-text("${name}")`);
}

/** The editor of the file of PyTorch's weights after their import, which is done here unless it is done. */
async function imported() {
  if (!existsSync(join(server.folder, 'imported.safetensors'))) {
    await (await editor('encoder.pt')).locator('#import').click();
    await saveTo('imported.safetensors', '.safetensors');
    await page.locator('.tab', { hasText: 'imported.safetensors' }).waitFor();
  } else await openFile(page, 'imported.safetensors');
  return webview(page, '#app:has(h1:has-text("imported.safetensors")) #export');
}

test('a file of PyTorch shows its tensors, and nothing in it is executed', async () => {
  await openFile(page, 'encoder.pt');
  const frame = await webview(page, '.tree [role=row]');
  await frame.locator('h1', { hasText: 'encoder.pt' }).waitFor();
  assert.match(await frame.locator('#summary').textContent(), /torch|PyTorch|zip/i);
  assert.equal(await frame.locator('#export').count(), 0, 'a foreign file is imported first');
});

test('importing it writes safetensors, tells what was done, and opens the result', async () => {
  const frame = await imported();
  await notification(page, 'Imported encoder.pt');
  await frame.locator('dd', { hasText: 'encoder.pt (' }).waitFor();
});

/** Shows the histogram of the first tensor. */
async function histogram(frame) {
  await frame.locator('#search').fill('weight');
  await frame.locator('.tree .tensor').first().click();
  await frame.locator('.histogram').waitFor();
}

test('modules open by keys, and a tensor shows its histogram', async () => {
  const frame = await imported();
  const tree = frame.locator('.tree');
  await histogram(frame);
  assert.equal(await frame.locator('.histogram span').count(), 64);
  assert.match(await frame.locator('#tensor').textContent(), /Mean.*Deviation/);
  await frame.locator('#search').fill('');
  await tree.focus();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await eventually(async () => (await tree.locator('[aria-expanded=true]').count()) > 0, 'a module is open');
  await page.keyboard.press('ArrowDown');
  assert.match(await tree.getAttribute('aria-activedescendant'), /^row-\d+$/);
  await screenshotInThemes(page, 'checkpoint');
});

test('exporting it writes weights for PyTorch with a model card', async () => {
  await (await imported()).locator('#export').click();
  await page.locator('.quick-input-widget', { hasText: 'Export imported.safetensors as what?' }).waitFor();
  assert.equal(await page.locator('.quick-input-widget .monaco-list-row', { hasText: 'ONNX' }).count(), 0);
  await pick(page, 'PyTorch');
  const file = join(server.folder, 'out.pt');
  await saveTo('out.pt', '.pt');
  await eventually(() => existsSync(`${file}.md`), 'the model card');
  assert.equal(readFileSync(file).subarray(0, 2).toString(), 'PK');
});

test('a fine-tuned network can be exported as ONNX', async () => {
  const frame = await editor('tuned.safetensors');
  await frame.locator('#export').click();
  await page.locator('.quick-input-widget', { hasText: 'Export tuned.safetensors as what?' }).waitFor();
  await screenshot(page, 'checkpoint-export');
  await pick(page, 'ONNX');
  const file = join(server.folder, 'tuned.onnx');
  await saveTo('tuned.onnx', '.onnx');
  await eventually(() => existsSync(`${file}.md`), 'the model card');
  assert.match(readFileSync(`${file}.md`, 'utf8'), /organ 1, organ 2[^]*onnxruntime/);
  await notification(page, 'Exported tuned.onnx');
});

test('a broken file is refused in a sentence', async () => {
  await openFile(page, 'broken.safetensors');
  const frame = await webview(page, '.message.error');
  await eventually(
    async () => /broken\.safetensors: is neither/.test(await frame.locator('.message').textContent()),
    'the reason',
  );
});

test('a reloaded window restores the editor', async () => {
  await histogram(await imported());
  await reloadWindow(page);
  const again = await webview(page, '.histogram');
  await eventually(async () => (await again.locator('.tree [aria-selected=true]').count()) === 1, 'the chosen tensor');
});
