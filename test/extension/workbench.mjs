// Drives a real VS Code workbench: the VS Code server's page in headless Chromium, or VS Code for the desktop.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { chromium } from 'playwright-core';
import { desktop, desktopNow, root } from './server.mjs';

export { root, startServer } from './server.mjs';

const chrome = process.env.VOCO_CHROMIUM ?? '/usr/bin/chromium';

/** How long is waited for anything, in milliseconds. It only bounds what never comes: on a busy machine things take long. */
export const PATIENCE = 180_000;

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

export async function startBrowser(extra = []) {
  if (desktop) return { close: async () => undefined };
  const quiet = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const graphics = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
  return chromium.launch({
    executablePath: chrome,
    headless: true,
    timeout: PATIENCE,
    args: ['--no-sandbox', '--disable-quic', ...quiet, ...graphics, ...extra],
  });
}

async function waitForWorkbench(page) {
  await page.locator('.monaco-workbench').waitFor();
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
    ? await desktopNow().open(viewport)
    : await (await browser.newContext({ viewport, serviceWorkers: 'allow', colorScheme: 'dark' })).newPage();
  page.setDefaultTimeout(PATIENCE);
  page.console = [];
  page.on('console', (message) => page.console.push(`${message.type()}: ${message.text()}`));
  if (script && !desktop) await page.addInitScript(script);
  if (!desktop) await page.goto(url);
  await waitForWorkbench(page);
  return page;
}

/** Reloads the window as its command does, which saves the state first; the extension host starts anew. */
export async function reloadWindow(page) {
  const loaded = page.waitForEvent('load');
  await runCommand(page, 'Developer: Reload Window');
  await loaded;
  await waitForWorkbench(page);
}

const quickInput = (page) => page.locator('.quick-input-widget');

/** Waits for something a while; whether it came. */
export const within = (ms, wait) =>
  wait(ms).then(
    () => true,
    () => false,
  );

/**
 * Accepts the row of quick input that shows `wanted`, by Enter when it has the focus, as the first one does, else by a click.
 * What is there is looked at and Enter is given in one go: a page that takes the focus in between would get the key.
 *
 * @returns whether it was accepted
 */
async function accept(page, row, text, wanted, timeout) {
  const done = await page.evaluate(
    ([typed, title]) => {
      const plain = (value) => value.replace(/\s+/g, ' ').toLowerCase();
      const widget = document.querySelector('.quick-input-widget');
      const input = widget?.querySelector('input.input');
      const focused = widget?.querySelector('.monaco-list-row.focused');
      if (!widget?.checkVisibility() || input.value !== typed || document.activeElement !== input) return 'closed';
      if (!focused || !plain(focused.textContent).includes(plain(title))) return 'other';
      const key = { key: 'Enter', code: 'Enter', keyCode: 13, bubbles: true, cancelable: true };
      input.dispatchEvent(new KeyboardEvent('keydown', key));
      return 'accepted';
    },
    [text, wanted],
  );
  if (done !== 'other') return done === 'accepted';
  return within(timeout, () => row.click({ timeout }));
}

/** What the open quick input holds; undefined when it is closed, or not there since the window is being loaded anew. */
const quickText = (page) =>
  page
    .evaluate(() => {
      const widget = document.querySelector('.quick-input-widget');
      return widget?.checkVisibility() ? widget.querySelector('input.input')?.value : undefined;
    })
    .catch(() => undefined);

/** Whether quick input has taken what was accepted: it closes, or asks the next question. A busy workbench can miss a key. */
const taken = (page, text, timeout) =>
  within(timeout, () => eventually(async () => (await quickText(page)) !== text, 'quick input to go on', timeout));

/**
 * Opens quick input with a key, types, and accepts the row that shows `wanted`. It is asked again when that does not come: a
 * command of an extension that is still being registered is not offered yet, and a webview that takes the focus as it loads
 * closes the input. Each turn waits longer, so that a busy machine has the time it needs.
 */
async function quick(page, key, text, wanted) {
  const input = quickInput(page).locator('input.input');
  const row = quickInput(page).locator('.monaco-list-row').filter({ hasText: wanted }).first();
  const end = Date.now() + PATIENCE;
  for (let timeout = 4000; ; timeout = Math.min(2 * timeout, 60_000)) {
    await page.keyboard.press(key);
    const shown = await within(timeout, async () => {
      await input.waitFor({ timeout });
      await input.fill(text, { timeout });
      await row.waitFor({ timeout });
      // The list may still be that of the text before.
      await eventually(async () => (await input.inputValue()) === text, 'the text', timeout);
    });
    if (shown && (await accept(page, row, text, wanted, timeout)) && (await taken(page, text, timeout))) return;
    if (Date.now() > end) throw new Error(`${key} and "${text}" do not offer "${wanted}"`);
    await page.keyboard.press('Escape');
  }
}

/** Command palette: F1, type the title, Enter. */
export const runCommand = (page, title) => quick(page, 'F1', `>${title}`, title);

/** Chooses a row of the open quick pick by its text. */
export async function pick(page, text) {
  const row = quickInput(page).locator('.monaco-list-row').filter({ hasText: text }).first();
  await row.waitFor();
  // What the pointer hovers over elsewhere may lie over the list.
  await page.mouse.move(0, 0);
  await row.click();
}

/**
 * Chooses an item of the context menu that `open` opens. A menu ignores a click in the first moments after it has come, and a busy
 * workbench can miss the key that opens it: it is done until the menu has gone with it.
 */
export async function chooseFromMenu(page, open, text) {
  const item = page.locator('.context-view .action-item, .monaco-menu .action-item').filter({ hasText: text }).first();
  await eventually(async () => {
    if (!(await item.isVisible())) await open();
    if (!(await within(4000, (timeout) => item.waitFor({ timeout })))) return false;
    await within(4000, (timeout) => item.click({ timeout }));
    return within(1000, (timeout) => item.waitFor({ state: 'hidden', timeout }));
  }, `"${text}" of the menu to be taken`);
}

/** The steps of our walkthrough, where it is to be seen. */
export const walkthroughSteps = (page) => page.locator('.getting-started-step').filter({ visible: true });

/** Brings our walkthrough forward: a page that has been loaded after it was chosen takes its place once more. */
export async function openWalkthrough(page) {
  const last = walkthroughSteps(page).nth(7);
  await eventually(async () => {
    if (await last.isVisible()) return true;
    await runCommand(page, 'Welcome: Open Walkthrough...');
    await pick(page, 'Pre-train on 3D CT and MRI with VoCo');
    return within(10_000, (timeout) => last.waitFor({ timeout }));
  }, 'eight steps');
  assert.equal(await walkthroughSteps(page).count(), 8);
}

/** Types into the open input box and accepts it. */
export async function answer(page, text) {
  const input = quickInput(page).locator('input.input');
  await input.waitFor();
  await input.fill(text);
  await page.keyboard.press('Enter');
}

/** Saves as `file` once the save dialog is there and has suggested a name that ends like this. */
export async function saveAs(page, file, ending) {
  const input = quickInput(page).locator('input.input');
  const suggested = async () => (await quickInput(page).isVisible()) && (await input.inputValue());
  await eventually(async () => ((await suggested()) || '').endsWith(ending), `a suggested name ending in ${ending}`);
  await answer(page, file);
  await eventually(() => existsSync(file), `the file ${file}`);
  await quickInput(page).waitFor({ state: 'hidden' });
}

/** Opens a file of the workspace by its name (quick open). */
export async function openFile(page, name) {
  await quick(page, 'Control+P', name, name);
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
 * elements, so all of them are looked through. What is returned stays with that webview, whatever else is opened or closed.
 */
export async function webview(page, selector) {
  return eventually(() => webviewNow(page, selector), `a webview with ${selector}`);
}

/** The webview that holds `selector` now; undefined when there is none. */
export async function webviewNow(page, selector) {
  const names = await page.locator('iframe.webview').evaluateAll((all) => all.map((one) => one.name));
  for (const name of names) {
    const outer = page.locator(`iframe.webview[name="${name}"]`);
    const inner = outer.contentFrame().locator('iframe#active-frame').contentFrame();
    const found = await inner
      .locator(selector)
      .count()
      .catch(() => 0);
    if (found > 0) return inner;
  }
  return undefined;
}

/** Waits until `look` gives a true value, and returns it. */
export async function eventually(look, what, timeout = PATIENCE) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await look();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${timeout / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/**
 * A notification with a text. One that is not looked at hides itself after some seconds; it is then found in the list of
 * notifications, which is opened for it.
 */
export async function notification(page, text) {
  const shown = page.locator('.notification-toast, .notifications-center').locator('.notification-list-item');
  const found = shown.filter({ hasText: text }).first();
  const center = page.locator('.notifications-center.visible');
  await eventually(async () => {
    if (await within(3000, (timeout) => found.waitFor({ timeout }))) return true;
    if (!(await center.isVisible())) await runCommand(page, 'Notifications: Show Notifications');
    return false;
  }, `a notification: ${text}`);
  return found;
}

/** Clears all notifications, so that one that comes is a new one. */
export async function clearNotifications(page) {
  await eventually(async () => {
    await runCommand(page, 'Notifications: Clear All Notifications');
    // One that came just now, such as that of a run which has ended, is cleared in the next turn. A hidden one may stay in the page.
    return within(3000, (timeout) =>
      page.locator('.notification-list-item:visible').first().waitFor({ state: 'hidden', timeout }),
    );
  }, 'no notifications');
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

/** Pictures take minutes in all: VOCO_PICTURES=0 leaves them out, but for those of failures. */
const pictures = process.env.VOCO_PICTURES !== '0';

/** Writes a picture of the whole window, for people. */
export async function screenshot(page, name) {
  if (pictures) await picture(page, name);
}

async function picture(page, name) {
  if (!existsSync(screenshots)) mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}

/** Takes the same picture in the light, the high-contrast and the dark theme; ends in the dark one. */
export async function screenshotInThemes(page, name) {
  if (!pictures) return;
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
 * Tests in one window. Each prepares what it needs, or finds it there from the test before: none needs another to have passed.
 * A test that fails leaves a picture of the window and the extension's log, and the next one starts in a new window.
 *
 * @param {() => { page, server }} window what the tests use now
 * @param {() => Promise<unknown>} reopen opens the window anew, when it is closed, on the same server
 */
export function scenarios(window, reopen) {
  let broken = false;
  let count = 0;
  // For `run.mjs --alone`.
  const wanted = process.env.VOCO_E2E_AT;
  return (name, body) => {
    if (wanted !== undefined && Number(wanted) !== count++) return;
    test(name, async () => {
      if (broken) {
        await window()
          .page?.context()
          .close()
          .catch(() => undefined);
        await reopen();
        broken = false;
      }
      try {
        await body();
      } catch (error) {
        broken = true;
        const { page, server } = window();
        await picture(page, `failed-${name.replace(/\W+/g, '-').slice(0, 60)}`).catch(() => undefined);
        console.error(extensionLog(server).split('\n').slice(-30).join('\n'));
        throw error;
      }
    });
  };
}
