// The extension with its real services, in a window of the double of VS Code (support/vscode): a folder of its own, and a `voco`
// that only writes down how it was called.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import type * as vscode from 'vscode';
import { presetText, type PresetName } from '../../src/config';
import { createServices, type Services } from '../../src/extension/services';
import { registerCommand, type CommandDefinition } from '../../src/extension/shared/command';
import { saveCheckpoint } from '../../src/runs/checkpoint';
import { createRun, RunStateFile, type RunKind, type RunPhase } from '../../src/runs/runDirectory';
import { editor } from './vscode/editor';
import { Uri } from './vscode/values';

interface ToolAnswer {
  readonly output?: string;
  readonly messages?: string;
  readonly code?: number;
  /** It goes on until it is stopped. */
  readonly hangs?: boolean;
}

export interface RunOptions {
  readonly kind?: RunKind;
  readonly name?: string;
  readonly state?: RunPhase;
  /** Steps of its checkpoints, each with a loss of 1/step. */
  readonly checkpoints?: readonly number[];
  readonly initFrom?: string;
  readonly configFile?: string;
  readonly config?: unknown;
  readonly now?: Date;
}

const packageJSON = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as unknown;

/** What an extension keeps between windows, in memory. */
function memento(): vscode.Memento & { setKeysForSync(): void } {
  const kept = new Map<string, unknown>();
  return {
    keys: () => [...kept.keys()],
    get: (key: string, otherwise?: unknown) => (kept.get(key) ?? otherwise) as never,
    update: async (key: string, value: unknown) => void kept.set(key, value),
    setKeysForSync: () => undefined,
  };
}

export class TestExtension {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'voco-extension-')));
  /** The folder that is open. */
  readonly folder = join(this.root, 'workspace');
  readonly services: Services;
  /** Steps of the walkthrough that were done. */
  readonly done: string[] = [];
  /** Runs whose results or curves were shown. */
  readonly shown: (readonly [panel: 'results' | 'curves', ...runs: (string | undefined)[]])[] = [];
  private readonly dist = join(this.root, 'dist');
  private readonly subscriptions: vscode.Disposable[] = [];

  constructor(commands: readonly CommandDefinition[]) {
    mkdirSync(this.folder);
    mkdirSync(this.dist);
    copyFileSync(join(import.meta.dirname, 'standInVoco.cjs'), join(this.dist, 'voco.cjs'));
    editor.reset(Uri.file(this.folder));
    this.services = createServices({
      subscriptions: this.subscriptions,
      extensionUri: Uri.file(this.root),
      extension: { packageJSON },
      asAbsolutePath: (path: string) => join(this.root, path),
      workspaceState: memento(),
      globalState: memento(),
    } as unknown as vscode.ExtensionContext);
    const { curves, results, walkthrough } = this.services;
    // Panels are of the workbench: here it is enough what they are asked to show.
    results.show = (run) => void this.shown.push(['results', run]);
    curves.show = (runs) => void this.shown.push(['curves', ...(runs ?? [])]);
    walkthrough.done = (step) => void this.done.push(step);
    for (const command of commands) registerCommand(this.services, command);
  }

  get log(): readonly string[] {
    return (this.services.log as unknown as { readonly lines: readonly string[] }).lines;
  }

  /** Runs a command as a menu does. */
  run(command: CommandDefinition, ...args: unknown[]): Promise<unknown> {
    return Promise.resolve(editor.commands.get(command.id)!(...args));
  }

  /** Bundles a thread of the extension, so that it is the one of the sources. */
  async makeThread(name: string, source: string): Promise<void> {
    const entryPoints = [join(import.meta.dirname, '../../src', source)];
    // As esbuild.mjs makes it, without the readers of formats that no such test needs.
    const form = {
      bundle: true,
      platform: 'node',
      format: 'cjs',
      mainFields: ['module', 'main'],
      external: ['*/formats'],
    };
    const define = { 'import.meta.url': 'importMetaUrl' };
    const banner = { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" };
    await build({ ...(form as BuildOptions), entryPoints, outfile: join(this.dist, `${name}.cjs`), define, banner });
  }

  /** What `voco` prints, by command. */
  answer(answers: Readonly<Record<string, ToolAnswer>>): void {
    writeFileSync(join(this.dist, 'answers.json'), JSON.stringify(answers));
  }

  /** The arguments of each `voco` that was started. */
  get calls(): string[][] {
    const file = join(this.dist, 'calls.jsonl');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    return lines.map((line) => JSON.parse(line) as string[]);
  }

  /** Waits for a `voco` of a command, which may be a process of its own. */
  async callOf(command: string): Promise<string[]> {
    for (;;) {
      const found = this.calls.find(([name]) => name === command);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Writes a file into the folder. @returns its path */
  write(name: string, text: string): string {
    const file = join(this.folder, name);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Writes `NAME.voco.json`, the config of a preset. */
  config(name: string, preset: PresetName, change: (text: string) => string = (text) => text): Uri {
    return Uri.file(
      this.write(`${name}.voco.json`, change(presetText(preset, { data: 'images', name: basename(name) }))),
    );
  }

  /** Makes a run directory with its checkpoints, and lets the extension find it. */
  async makeRun(options: RunOptions = {}): Promise<string> {
    const { kind = 'pretrain', name = kind, state = 'finished', checkpoints = [], initFrom, configFile, now } = options;
    const step = Math.max(0, ...checkpoints);
    const dir = await createRun({
      root: join(this.folder, 'runs'),
      name,
      kind,
      config: options.config ?? { name },
      totalSteps: 100,
      ...(initFrom !== undefined && { initFrom }),
      ...(configFile !== undefined && { configFile }),
      ...(now && { now }),
    });
    for (const one of checkpoints) {
      const metadata = { kind, step: String(one), config: JSON.stringify(options.config ?? { name }) };
      await saveCheckpoint(dir, { step: one, tensors: [], metadata, metrics: { loss: 1 / one } });
    }
    const file = await RunStateFile.open(dir);
    await file.update({ state, step, ...(state === 'queued' ? {} : { started: new Date().toISOString() }) });
    await this.services.registry.refresh(dir);
    return dir;
  }

  /** @throws when the user's answers were not all asked for */
  dispose(): void {
    const { unusedAnswers } = editor;
    for (const part of this.subscriptions.reverse()) part.dispose();
    rmSync(this.root, { recursive: true, force: true });
    if (unusedAnswers > 0) throw new Error(`${unusedAnswers} answers of the user were never asked for`);
  }
}
