// Helpers for the tests of the volume viewer.
import { openFile, pick, runCommand, webview } from './workbench.mjs';

/** Waits until the extension is registered: a volume opened before would be shown as text, and the workbench remembers that. */
export async function waitForViewer(page) {
  const input = page.locator('.quick-input-widget input.input');
  const row = page.locator('.quick-input-widget .monaco-list-row').filter({ hasText: 'VoCo: Compare Volumes' }).first();
  for (let attempt = 0; ; attempt++) {
    await page.keyboard.press('F1');
    await input.waitFor();
    await input.fill('>VoCo: Compare Volumes');
    const offered = await row.waitFor({ timeout: 4000 }).then(
      () => true,
      () => false,
    );
    await page.keyboard.press('Escape');
    await input.waitFor({ state: 'hidden' });
    if (offered) return;
    if (attempt === 10) throw new Error('the extension was not registered');
  }
}

/**
 * Opens a volume and returns the page of its viewer when `ready` is there: by default when the slices are on screen. A workbench that
 * has just started may not know the custom editors yet and shows a binary file: then the viewer is chosen by hand.
 */
export async function openVolume(page, name, ready = '#app[data-drawn="true"]') {
  await openFile(page, name);
  const shown = await Promise.race([
    webview(page, '#app', 60_000).then(() => 'viewer'),
    page
      .locator('.monaco-editor-pane-placeholder')
      .waitFor({ timeout: 60_000 })
      .then(() => 'text'),
  ]);
  if (shown === 'text') {
    await runCommand(page, 'View: Reopen Editor With...');
    await pick(page, 'Volume Viewer');
  }
  return webview(page, ready, 60_000);
}
