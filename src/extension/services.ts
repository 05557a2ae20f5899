import * as vscode from 'vscode';
import { UserError } from '../errors/userError';
import { Launcher } from '../jobs/launcher';
import { findNode, type NodeRuntime } from '../jobs/nodeRuntime';
import type { Program } from '../jobs/process';
import { RunRegistry } from '../jobs/runRegistry';
import { ViewedVolumes } from './volume/viewedVolumes';
import { CurvesPanels } from './curves/curvesPanels';
import { ResultsPanels } from './results/resultsPanels';
import { DatasetChecks } from './datasets/datasetChecks';
import { DatasetThread } from './datasets/datasetThread';
import { DeviceList } from './devices/deviceList';
import { RunFinder } from './runs/runFinder';
import { settings } from './shared/settings';
import { Walkthrough } from './shared/walkthrough';

/** What commands, views and panels share. Made at activation, so nothing here may read, spawn or compute when created. */
export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly registry: RunRegistry;
  readonly finder: RunFinder;
  readonly launcher: Launcher;
  readonly devices: DeviceList;
  readonly checks: DatasetChecks;
  readonly datasets: DatasetThread;
  readonly curves: CurvesPanels;
  readonly results: ResultsPanels;
  /** The volumes that viewers show. */
  readonly volumes: ViewedVolumes;
  readonly walkthrough: Walkthrough;
  /** What is selected in the runs view. */
  readonly selection: { run?: string | undefined; nodes?: readonly unknown[] };
  /** The Node and the script that run `voco`. @throws UserError when there is no usable Node. */
  program(): Promise<Program>;
}

/** Looks for a Node once, and again when the setting changed. */
function nodeFinder(): () => Promise<NodeRuntime> {
  let found: { configured: string; node: Promise<NodeRuntime> } | undefined;
  return () => {
    const configured = settings().get<string>('nodePath') ?? '';
    if (found?.configured !== configured) {
      const electron = process.versions.electron !== undefined;
      const node = findNode({ configured, execPath: process.execPath, electron, env: process.env });
      found = { configured, node };
      node.catch(() => (found = undefined));
    }
    return found.node;
  };
}

export function createServices(context: vscode.ExtensionContext): Services {
  const log = vscode.window.createOutputChannel('VoCo', { log: true });
  const registry = new RunRegistry();
  const node = nodeFinder();
  const script = context.asAbsolutePath('dist/voco.cjs');
  const program = async (): Promise<Program> => {
    if (!vscode.workspace.isTrusted)
      throw new UserError('This folder is not trusted, so VoCo starts no programs in it.');
    return { node: await node(), script, env: process.env };
  };
  const launcher = new Launcher({
    registry,
    program,
    limit: () => settings().get<number>('runsPerDevice') ?? 1,
    allowed: () => vscode.workspace.isTrusted,
    onError: (dir, error) => log.error(`${dir}: ${String(error)}`),
  });
  const freed = [
    vscode.workspace.onDidGrantWorkspaceTrust(() => void launcher.pump()),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('voco.runsPerDevice')) void launcher.pump();
    }),
  ];
  const finder = new RunFinder(context, registry, (error) => log.error(String(error)));
  const devices = new DeviceList(program);
  const checks = new DatasetChecks(program);
  const datasets = new DatasetThread(context.asAbsolutePath('dist/datasets-worker.cjs'));
  const curves = new CurvesPanels({ context, registry, finder, log });
  const results = new ResultsPanels({ context, registry, finder, log });
  const volumes = new ViewedVolumes(context.asAbsolutePath('dist/volume-worker.cjs'));
  const walkthrough = new Walkthrough(context);
  context.subscriptions.push(log, registry, launcher, ...freed, finder, devices, checks, datasets);
  context.subscriptions.push(curves, results, walkthrough);
  return {
    context,
    log,
    registry,
    finder,
    launcher,
    devices,
    checks,
    datasets,
    curves,
    results,
    volumes,
    walkthrough,
    selection: {},
    program,
  };
}
