// The same workbench in a downloaded VS Code for the desktop, driven through Playwright's Electron support: what
// workbench.mjs uses instead of server and browser when VOCO_DESKTOP names VS Code's executable (run.mjs --desktop).
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { downloadAndUnzipVSCode, runVSCodeCommand, SilentReporter } from '@vscode/test-electron';
import { _electron } from 'playwright-core';

const root = resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Dialogs and menus drawn by the workbench itself, as in a browser; those of the system cannot be driven. */
const DRAWN = {
  'window.titleBarStyle': 'custom',
  'window.dialogStyle': 'custom',
  'files.simpleDialog.enable': true,
  'window.autoDetectColorScheme': false,
};

/** The executable of the oldest VS Code that the extension promises to run in, downloaded once. */
export async function downloadDesktop() {
  const version = process.env.VOCO_DESKTOP_VERSION ?? manifest.engines.vscode.replace(/^\^/, '');
  const cachePath = join(root, '.vscode-test');
  try {
    return await downloadAndUnzipVSCode({ version, cachePath, reporter: new SilentReporter() });
  } catch (error) {
    const advice =
      'The desktop tests need update.code.visualstudio.com, or VOCO_DESKTOP with the path of a VS Code executable; ' +
      '`npm run test:extension` runs the same suite in code-server.';
    throw new Error(`VS Code ${version} cannot be downloaded: ${error.message}. ${advice}`, { cause: error });
  }
}

/** What `startServer` gives, with a VS Code of its own instead of a server. */
export async function startDesktop({ workspace, settings, install, args, env }) {
  const tmp = mkdtempSync(join(tmpdir(), 'voco-desktop-'));
  const folder = join(tmp, 'workspace');
  if (workspace) cpSync(workspace, folder, { recursive: true });
  else mkdirSync(folder);
  const data = join(tmp, 'data');
  const settingsFile = join(data, 'User/settings.json');
  const write = (more) => writeFileSync(settingsFile, JSON.stringify({ ...settings, ...DRAWN, ...more }, null, 2));
  mkdirSync(join(data, 'User'), { recursive: true });
  write({});
  const extensions = join(tmp, 'extensions');
  mkdirSync(extensions);
  const folders = [`--user-data-dir=${data}`, `--extensions-dir=${extensions}`];
  if (install && process.env.VOCO_VSIX) {
    const vscodeExecutablePath = process.env.VOCO_DESKTOP;
    const install = ['--install-extension', resolve(process.env.VOCO_VSIX), ...folders];
    await runVSCodeCommand(install, { vscodeExecutablePath, reporter: new SilentReporter() });
  } else if (install) {
    symlinkSync(root, join(extensions, `${manifest.publisher}.${manifest.name}-${manifest.version}`));
  }
  let app;
  return {
    get pid() {
      return app?.process().pid;
    },
    folder,
    tmp,
    log: () => '',
    url: () => undefined,
    /** Starts VS Code on the folder and returns its window. */
    async open({ width, height }) {
      const quiet = ['--no-sandbox', '--disable-updates', '--skip-welcome', '--skip-release-notes', '--disable-gpu'];
      const trust = settings['security.workspace.trust.enabled'] ? [] : ['--disable-workspace-trust'];
      app = await _electron.launch({
        executablePath: process.env.VOCO_DESKTOP,
        args: [folder, ...folders, ...quiet, ...trust, ...args],
        env: { ...process.env, TMPDIR: tmp, VOCO_CACHE_DIR: join(tmp, 'cache'), ...env },
      });
      const page = await app.firstWindow();
      await app.evaluate(
        ({ BrowserWindow }, size) => BrowserWindow.getAllWindows()[0].setContentSize(size.width, size.height),
        { width, height },
      );
      page.setColorTheme = (theme) => write({ 'workbench.colorTheme': theme });
      return page;
    },
    async stop() {
      await app?.close();
      rmSync(tmp, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
