// Helpers for the tests of the volume viewer.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, openFile, runCommand, webview, within } from './workbench.mjs';

/** Waits until the extension is registered: a volume opened before would be shown as text, and the workbench remembers that. */
export async function waitForViewer(page) {
  const input = page.locator('.quick-input-widget input.input');
  const row = page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: 'VoCo: Compare Volumes' }).first();
  // A palette that is open does not take up commands that are registered later: it is opened again.
  await eventually(async () => {
    const offered = await within(4000, async (timeout) => {
      await page.keyboard.press('F1');
      await input.waitFor({ timeout });
      await input.fill('>VoCo: Compare Volumes', { timeout });
      await row.waitFor({ timeout });
    });
    await page.keyboard.press('Escape');
    return offered;
  }, 'the command of the extension');
  await input.waitFor({ state: 'hidden' });
  // The workbench makes its custom editor service in its idle time, which a busy machine leaves little of.
  for (let turn = 0; turn < 3; turn++) await page.evaluate(() => new Promise((done) => requestIdleCallback(done)));
}

/** Opens a volume and returns the page of its viewer when `ready` is there: by default when the slices are on screen. */
export async function openVolume(page, name, ready = '#app[data-drawn="true"]') {
  await openFile(page, name);
  return webview(page, ready);
}

/** The canvas of a plane (0 sagittal, 1 coronal, 2 axial) of the first volume. */
export const slice = (frame, plane) => frame.locator(`canvas[data-plane="${plane}"]`).first();

/** What the side bar tells for a place of a canvas: of each volume shown, and the place in millimetres. */
export async function readout(frame, plane, across, down) {
  const { width, height } = await slice(frame, plane).boundingBox();
  await slice(frame, plane).hover({ position: { x: across * width, y: down * height } });
  const texts = await frame.locator('.readout > div').allInnerTexts();
  return { volumes: texts.slice(0, -1), place: texts.at(-1) };
}

/**
 * Checks a text such as `-12, voxel 3, 0, 7` against a place such as `12.5 mm R, 3.0 mm P, 40.0 mm S`: by the affine, the voxel
 * lies there.
 *
 * @returns the voxel and its value as it is shown
 */
export function checkPlace(name, affine, text, place) {
  const voxel = /voxel (\d+), (\d+), (\d+)/.exec(text).slice(1).map(Number);
  const places = [...place.matchAll(/([\d.]+) mm ([RLAPSI])/g)].map(([, length, side]) =>
    'RAS'.includes(side) ? Number(length) : -Number(length),
  );
  for (const [axis, row] of affine.slice(0, 3).entries()) {
    const mm = row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3];
    assert.ok(
      Math.abs(places[axis] - mm) < 0.051,
      `${name}: voxel ${voxel} is said to lie at ${place}, axis ${axis} at ${mm}`,
    );
  }
  return { voxel, value: Number(text.split('\n').at(-2)) };
}

/** Waits until the slices that are to be seen are on screen. */
export const drawn = (frame) => frame.locator('#app[data-drawn="true"]').waitFor();

/**
 * Adds an extension that calls a command of ours as another panel does: "Test: Call" runs what `.call.json` in the workspace says, with
 * every `uri` in it made one of a file of the workspace. To be called before a window is opened.
 */
export function installCaller(server) {
  const home = join(server.tmp, 'extensions/test.caller-1.0.0');
  mkdirSync(home, { recursive: true });
  const manifest = {
    name: 'caller',
    publisher: 'test',
    version: '1.0.0',
    engines: { vscode: '^1.80.0' },
    main: './main.js',
    contributes: { commands: [{ command: 'test.call', title: 'Test: Call' }] },
  };
  writeFileSync(join(home, 'package.json'), JSON.stringify(manifest));
  writeFileSync(
    join(home, 'main.js'),
    `const vscode = require('vscode');
    const { join } = require('node:path');
    exports.activate = (context) => context.subscriptions.push(vscode.commands.registerCommand('test.call', () => {
      const folder = vscode.workspace.workspaceFolders[0].uri.fsPath;
      const revive = (key, value) => (key === 'uri' || key === 'truth' ? vscode.Uri.file(join(folder, value)) : value);
      const text = require('node:fs').readFileSync(join(folder, '.call.json'), 'utf8');
      const { command, params } = JSON.parse(text, revive);
      return vscode.commands.executeCommand(command, ...params.map((param) => param.only ? param.only.uri : param));
    }));`,
  );
}

/** Runs a command through the extension of {@link installCaller}; a param that is a URI is written `{ only: { uri } }`. */
export async function callCommand(page, server, command, ...params) {
  writeFileSync(join(server.folder, '.call.json'), JSON.stringify({ command, params }));
  await runCommand(page, 'Test: Call');
}

/**
 * Writes an uncompressed NIfTI-1 file of int16 (or uint8) voxels with axes towards left, posterior and superior, `mm` apart and
 * centred at 0.
 * `value(x, y, z)` gives the voxel at an index of the file.
 */
export function writeVolume(file, [nx, ny, nz], value, { bytes = 2, mm = 2 } = {}) {
  const header = Buffer.alloc(352);
  header.writeInt32LE(348, 0);
  [3, nx, ny, nz, 1, 1, 1, 1].forEach((n, i) => header.writeInt16LE(n, 40 + 2 * i));
  header.writeInt16LE(bytes === 2 ? 4 : 2, 70);
  header.writeInt16LE(8 * bytes, 72);
  [1, mm, mm, mm].forEach((length, i) => header.writeFloatLE(length, 76 + 4 * i));
  header.writeFloatLE(352, 108);
  header.writeInt16LE(1, 254);
  const middle = [nx, ny, nz].map((n) => (mm * (n - 1)) / 2);
  const rows = [-mm, 0, 0, middle[0], 0, -mm, 0, middle[1], 0, 0, mm, -middle[2]];
  rows.forEach((entry, i) => header.writeFloatLE(entry, 280 + 4 * i));
  header.write('n+1\0', 344, 'latin1');
  const voxels = bytes === 2 ? new Int16Array(nx * ny * nz) : new Uint8Array(nx * ny * nz);
  let at = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++) voxels[at++] = value(x, y, z);
  }
  writeFileSync(file, Buffer.concat([header, Buffer.from(voxels.buffer)]));
}
