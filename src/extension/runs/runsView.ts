import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { RunKind, RunPhase } from '../../runs/runDirectory';
import { listCheckpoints, type CheckpointInfo } from '../../runs/checkpoint';
import { countLoaded, describeInit, readInitReport, type InitReport } from '../../runs/initReport';
import type { RunSummary } from '../../jobs/runSummary';
import type { Services } from '../services';
import { describeRun, scoreTexts, shortText } from '../../jobs/runText';
import { studyOf } from '../../jobs/studyOf';
import { formatBytes, formatTime } from '../../text';
import { runFiles, runOfCheckpoint, stepOfCheckpoint } from '../../runs/files';

export interface RunNode {
  readonly run: RunSummary;
}

interface CheckpointNode {
  readonly checkpoint: CheckpointInfo;
  readonly bytes: number;
  readonly newest: boolean;
}

interface UnreadableNode {
  readonly file: string;
  readonly reason: string;
}

/** The weights that a run started from, or those that an evaluation measured. */
interface OriginNode {
  readonly origin: string;
  readonly kind: RunKind;
  readonly report?: InitReport;
}

type Node = RunNode | CheckpointNode | UnreadableNode | OriginNode;

const ICONS: Record<RunPhase, [icon: string, colour?: string]> = {
  queued: ['watch'],
  starting: ['loading~spin'],
  running: ['sync~spin', 'charts.blue'],
  pausing: ['loading~spin', 'charts.yellow'],
  paused: ['debug-pause', 'charts.yellow'],
  stopping: ['loading~spin'],
  finished: ['pass', 'testing.iconPassed'],
  failed: ['error', 'testing.iconFailed'],
  interrupted: ['circle-slash', 'charts.yellow'],
};

function iconOf(phase: RunPhase): vscode.ThemeIcon {
  const [icon, colour] = ICONS[phase];
  return new vscode.ThemeIcon(icon, colour ? new vscode.ThemeColor(colour) : undefined);
}

function tooltipOf(run: RunSummary): vscode.MarkdownString {
  const { state, reason } = run;
  const rows: [string, string | undefined][] = [
    ['State', describeRun(run)],
    ['Reason', reason],
    ['Only shown', run.foreign],
    ['Device', state.device ?? run.launch?.device],
    ['Config', state.configFile ?? run.launch?.configFile],
    ['Initialised from', state.initFrom],
    ['Schedule', state.schedule],
    ['Started', state.started && formatTime(state.started)],
    ['Ended', state.ended && formatTime(state.ended)],
    ['Process', state.pid === undefined ? undefined : `${state.pid} on ${state.host ?? 'this machine'}`],
    ['Folder', run.dir],
  ];
  const text = new vscode.MarkdownString();
  text.appendMarkdown('**').appendText(run.label).appendMarkdown('**\n\n');
  for (const [name, value] of rows) {
    if (value) text.appendMarkdown(`*${name}:* `).appendText(value).appendMarkdown('  \n');
  }
  return text;
}

function runItem({ run }: RunNode): vscode.TreeItem {
  const item = new vscode.TreeItem(run.state.name, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = run.dir;
  item.description = shortText(run);
  item.iconPath = iconOf(run.phase);
  // One that others run can be looked at only.
  const phase = run.live && run.foreign !== undefined ? 'foreign' : run.phase;
  item.contextValue = `run.${phase}.${run.state.kind}`;
  item.tooltip = tooltipOf(run);
  item.accessibilityInformation = { label: `${run.label}, ${describeRun(run)}${run.reason ? `, ${run.reason}` : ''}` };
  return item;
}

function checkpointItem({ checkpoint, bytes, newest }: CheckpointNode): vscode.TreeItem {
  const item = new vscode.TreeItem(`step ${checkpoint.step}`, vscode.TreeItemCollapsibleState.None);
  item.id = checkpoint.file;
  item.description = [...(newest ? ['newest'] : []), formatBytes(bytes), ...scoreTexts(checkpoint.metrics)].join(' · ');
  item.iconPath = new vscode.ThemeIcon('archive');
  item.contextValue = `checkpoint.${checkpoint.metadata.kind ?? 'pretrain'}`;
  item.command = { command: 'vscode.open', title: 'Open', arguments: [vscode.Uri.file(checkpoint.file)] };
  item.tooltip = checkpoint.file;
  item.accessibilityInformation = { label: `checkpoint of step ${checkpoint.step}, ${item.description}` };
  return item;
}

/** `…/runs/NAME/checkpoints/step-00000100.safetensors` → "NAME, step 100"; the path of another file. */
function originText(file: string): string {
  const [step, runDir] = [stepOfCheckpoint(file), runOfCheckpoint(file)];
  return step !== undefined && runDir !== undefined ? `${basename(runDir)}, step ${step}` : file;
}

/** Where the weights come from, and how much of the network they fill. */
function originItem({ origin, kind, report }: OriginNode): vscode.TreeItem {
  const item = new vscode.TreeItem(kind === 'evaluate' ? 'weights of' : 'initialised from');
  const counts = report && countLoaded(report);
  item.description = originText(origin) + (counts ? ` · ${counts.loaded} of ${counts.total} tensors` : '');
  item.tooltip = report ? describeInit(report).join('\n') : origin;
  const unfit = report && report.shapeMismatch.length > 0;
  item.iconPath = unfit
    ? new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground'))
    : new vscode.ThemeIcon('git-commit');
  item.contextValue = 'origin';
  return item;
}

function unreadableItem({ file, reason }: UnreadableNode): vscode.TreeItem {
  const item = new vscode.TreeItem(basename(file), vscode.TreeItemCollapsibleState.None);
  item.id = file;
  item.description = 'cannot be read';
  item.tooltip = reason;
  item.iconPath = new vscode.ThemeIcon('warning');
  return item;
}

function shownSafely(file: string, make: () => vscode.TreeItem): vscode.TreeItem {
  try {
    return make();
  } catch (error) {
    return unreadableItem({ file, reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Changes come in bursts, while runs are found and at every step of a live one: the tree follows at this pace. */
const FOLLOW_MS = 200;

/**
 * Runs with their checkpoints. Only rows that changed are drawn anew: when the whole tree is, VS Code drops the answer to a row
 * that is being opened at that moment, which then stays empty.
 */
class RunsProvider implements vscode.TreeDataProvider<Node> {
  private readonly changed = new vscode.EventEmitter<Node[] | undefined>();
  readonly onDidChangeTreeData = this.changed.event;
  /** The rows that VS Code knows, by run directory. */
  private readonly nodes = new Map<string, { run: RunSummary }>();
  private order = '';
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly services: Services) {
    services.context.subscriptions.push(
      this.changed,
      services.registry.onDidChange(() => (this.timer ??= setTimeout(() => this.follow(), FOLLOW_MS))),
      { dispose: () => clearTimeout(this.timer) },
    );
  }

  getTreeItem(node: Node): vscode.TreeItem {
    // What a directory from elsewhere holds must not blank the rows of the others.
    if ('run' in node) return shownSafely(node.run.dir, () => runItem(node));
    if ('origin' in node) return originItem(node);
    return 'checkpoint' in node ? checkpointItem(node) : unreadableItem(node);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    const { finder, registry } = this.services;
    if (!node) {
      await finder.start();
      this.order = this.orderNow();
      for (const dir of this.nodes.keys()) if (!registry.get(dir)) this.nodes.delete(dir);
      // A study is many fine-tunings: they are shown below it, not among the other runs.
      return registry.runs.filter((run) => !studyOf(registry, run)).map((run) => this.nodeOf(run));
    }
    if (!('run' in node)) return [];
    const parts = registry.runs.filter((run) => studyOf(registry, run)?.dir === node.run.dir);
    return [...(await checkpointsOf(node.run)), ...parts.map((run) => this.nodeOf(run))];
  }

  private nodeOf(run: RunSummary): RunNode {
    const node = this.nodes.get(run.dir) ?? { run };
    node.run = run;
    this.nodes.set(run.dir, node);
    return node;
  }

  /** Which rows there are, in order and by study. */
  private orderNow(): string {
    const { registry } = this.services;
    return registry.runs.map((run) => `${studyOf(registry, run)?.dir ?? ''}\0${run.dir}`).join('\n');
  }

  private follow(): void {
    this.timer = undefined;
    if (this.orderNow() !== this.order) return this.changed.fire(undefined);
    const stale = this.services.registry.runs.filter((run) => {
      const node = this.nodes.get(run.dir);
      return node && node.run !== run;
    });
    if (stale.length > 0) this.changed.fire(stale.map((run) => this.nodeOf(run)));
  }
}

async function checkpointsOf(run: RunSummary): Promise<Node[]> {
  const { checkpoints, unreadable } = await listCheckpoints(run.dir).catch((error: Error) => ({
    checkpoints: [],
    unreadable: [{ file: runFiles(run.dir).checkpoints, reason: error.message }],
  }));
  const newestFirst = [...checkpoints].reverse();
  const nodes = newestFirst.map(async (checkpoint, index) => {
    const { size } = await stat(checkpoint.file).catch(() => ({ size: 0 }));
    return { checkpoint, bytes: size, newest: index === 0 };
  });
  const { initFrom, kind } = run.state;
  const report = kind === 'finetune' ? await readInitReport(run.dir) : undefined;
  const origin = initFrom === undefined ? [] : [{ origin: initFrom, kind, ...(report && { report }) }];
  return [...origin, ...(await Promise.all(nodes)), ...unreadable];
}

export function createRunsView(services: Services): vscode.Disposable {
  const provider = new RunsProvider(services);
  const view = vscode.window.createTreeView<Node>('voco.runs', { treeDataProvider: provider, canSelectMany: true });
  const badge = (): void => {
    const live = services.registry.runs.filter((run) => run.live).length;
    view.badge =
      live > 0 ? { value: live, tooltip: live === 1 ? 'One run is training' : `${live} runs are training` } : undefined;
  };
  return vscode.Disposable.from(
    view,
    services.registry.onDidChange(badge),
    view.onDidChangeSelection(({ selection }) => {
      const [node] = selection;
      services.selection.run = node && 'run' in node ? node.run.dir : undefined;
      services.selection.nodes = selection;
    }),
  );
}
