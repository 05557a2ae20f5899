import { basename, dirname, relative, resolve } from 'node:path';
import { parse } from 'jsonc-parser';
import * as vscode from 'vscode';
import { report } from '../shared/command';
import { CONFIG_SUFFIX, findConfigs } from '../config/configFiles';
import { openVolume } from '../volume/openVolume';
import type { Services } from '../services';
import type { CaseList, ListedCase, WrittenSource } from '../../protocol/datasets';
import { siblingLabels } from '../../viewer/labels';
import { Thumbnails } from '../../viewer/thumbnails';
import { counted } from '../../text';

interface ConfigNode {
  readonly config: vscode.Uri;
}

interface SourceNode {
  readonly part: 'train' | 'validation';
  readonly text: string;
  readonly path: string | undefined;
  readonly source: WrittenSource;
  /** Folder of the config. */
  readonly home: string;
  readonly parent: ConfigNode;
  /** How many volumes it has; absent when they cannot be listed. */
  readonly count?: number;
}

interface CaseNode {
  readonly case: ListedCase;
  readonly of: SourceNode;
}

/** In place of the cases after the first ones. */
interface MoreNode {
  readonly more: SourceNode;
  readonly hidden: number;
}

/** In place of cases that can't be listed. */
interface ProblemNode {
  readonly problem: string;
}

type Node = ConfigNode | SourceNode | CaseNode | MoreNode | ProblemNode;

/** Cases that are listed at first; each “more” shows ten times as many. */
const FIRST_CASES = 100;

/** Names of a datalist's lists that are used for training and for validation, unless a config names another. */
const USUAL_LISTS: Record<SourceNode['part'], string> = { train: 'training', validation: 'validation' };

function sourceNode(part: SourceNode['part'], source: WrittenSource, parent: ConfigNode): SourceNode | undefined {
  const { datalist, folder, glob, key } = source;
  const home = dirname(parent.config.fsPath);
  const of = { part, source, home, parent };
  // The side bar is narrow: the whole path is in the hover, and a list of the usual name goes without saying.
  if (typeof datalist === 'string') {
    const list = typeof key === 'string' && key !== USUAL_LISTS[part] ? `: ${key}` : '';
    return { ...of, text: `${basename(datalist)}${list}`, path: resolve(home, datalist) };
  }
  if (typeof folder === 'string') return { ...of, text: basename(resolve(home, folder)), path: resolve(home, folder) };
  return typeof glob === 'string' ? { ...of, text: glob, path: undefined } : undefined;
}

async function sourcesOf(node: ConfigNode): Promise<SourceNode[]> {
  const text = Buffer.from(await vscode.workspace.fs.readFile(node.config)).toString('utf8');
  const value = parse(text, [], { allowTrailingComma: true }) as { data?: Record<string, unknown> } | undefined;
  return (['train', 'validation'] as const).flatMap((part) => {
    const list = value?.data?.[part];
    const sources = Array.isArray(list) ? (list as (WrittenSource | null)[]) : [];
    return sources.flatMap((source) => (source && sourceNode(part, source, node)) ?? []);
  });
}

/** The data of every config in the workspace, with what the last check found. */
class DatasetsProvider implements vscode.TreeDataProvider<Node> {
  private readonly changed = new vscode.EventEmitter<SourceNode | undefined>();
  /** How many cases are listed of a source that more was asked of. */
  private readonly limits = new Map<string, number>();
  readonly onDidChangeTreeData = this.changed.event;
  private onListed?: (cases: readonly CaseNode[]) => void;
  private watcher: vscode.FileSystemWatcher | undefined;
  private readonly thumbnails: Thumbnails;

  constructor(private readonly services: Services) {
    this.thumbnails = new Thumbnails(services.context.asAbsolutePath('dist/volume-worker.cjs'));
    services.context.subscriptions.push(
      this.changed,
      services.checks.onDidChange(() => this.changed.fire(undefined)),
    );
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if ('config' in node) return this.configItem(node);
    if ('case' in node) return caseItem(node);
    if ('more' in node) return moreItem(node);
    return 'problem' in node ? problemItem(node) : this.sourceItem(node);
  }

  /** The picture in the hover is made when it is first wanted. */
  async resolveTreeItem(
    item: vscode.TreeItem,
    node: Node,
    token: vscode.CancellationToken,
  ): Promise<vscode.TreeItem | undefined> {
    if (!('case' in node)) return item;
    const { image } = node.case;
    const text = new vscode.MarkdownString();
    text.appendText(basename(image));
    try {
      const made = await this.thumbnails.get(image, token);
      if (!made) return undefined;
      const picture = `data:image/png;base64,${Buffer.from(made.data).toString('base64')}`;
      text.appendMarkdown(`\n\n![middle axial slice](${picture}|width=${made.width},height=${made.height})\n\n`);
      text.appendText(made.caption);
    } catch (error) {
      text.appendMarkdown('\n\n');
      text.appendText(error instanceof Error ? error.message : String(error));
    }
    item.tooltip = text;
    return item;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) {
      this.watch();
      return (await findConfigs()).map((config) => ({ config }));
    }
    if ('config' in node) return Promise.all((await sourcesOf(node)).map((source) => this.withCount(source)));
    if (!('source' in node)) return [];
    try {
      const { cases, count } = await this.list(node, this.limits.get(keyOf(node)) ?? FIRST_CASES);
      if (count === 0) return [{ problem: 'No volumes here' }];
      const shown = cases.map((one) => ({ case: one, of: node }));
      this.onListed?.(shown);
      return count > cases.length ? [...shown, { more: node, hidden: count - cases.length }] : shown;
    } catch (error) {
      return [{ problem: error instanceof Error ? error.message : String(error) }];
    }
  }

  getParent(node: Node): Node | undefined {
    if ('case' in node) return node.of;
    if ('more' in node) return node.more;
    return 'source' in node ? node.parent : undefined;
  }

  /** Lists more cases of a source; the first of those that were not there. */
  async showMore({ more }: MoreNode): Promise<CaseNode | undefined> {
    const before = this.limits.get(keyOf(more)) ?? FIRST_CASES;
    this.limits.set(keyOf(more), 10 * before);
    const listed = new Promise<readonly CaseNode[]>((done) => (this.onListed = done));
    this.changed.fire(more);
    return (await listed)[before];
  }

  private list({ source, home }: SourceNode, most: number): Promise<CaseList> {
    return this.services.datasets.list(source, home, most);
  }

  private async withCount(node: SourceNode): Promise<SourceNode> {
    const list = await this.list(node, 0).catch(() => undefined);
    return { ...node, ...(list && { count: list.count }) };
  }

  private watch(): void {
    if (this.watcher) return;
    this.watcher = vscode.workspace.createFileSystemWatcher(`**/*${CONFIG_SUFFIX}`);
    const fire = (): void => this.changed.fire(undefined);
    const { watcher } = this;
    this.services.context.subscriptions.push(
      watcher,
      watcher.onDidChange(fire),
      watcher.onDidCreate(fire),
      watcher.onDidDelete(fire),
    );
  }

  private configItem({ config }: ConfigNode): vscode.TreeItem {
    const name = config.path.split('/').at(-1)!.slice(0, -CONFIG_SUFFIX.length);
    const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Expanded);
    const report = this.services.checks.get(config);
    const problems = report?.findings.filter((finding) => finding.severity !== 'info').length ?? 0;
    const folder = vscode.workspace.getWorkspaceFolder(config);
    const where = folder ? relative(folder.uri.fsPath, dirname(config.fsPath)) : dirname(config.fsPath);
    const counts = report && counted(report.volumes, 'volume');
    const state = !report ? undefined : problems > 0 ? counted(problems, 'problem') : 'in order';
    item.id = config.toString();
    item.description = [where, counts, state].filter(Boolean).join(' · ');
    item.iconPath = new vscode.ThemeIcon(!report ? 'database' : problems > 0 ? 'warning' : 'pass');
    item.contextValue = 'config';
    item.tooltip = config.fsPath;
    item.command = { command: 'vscode.open', title: 'Open', arguments: [config] };
    return item;
  }

  private sourceItem(node: SourceNode): vscode.TreeItem {
    const item = new vscode.TreeItem(node.text, vscode.TreeItemCollapsibleState.Collapsed);
    const { count } = node;
    const volumes = count === undefined ? 'cannot be listed' : counted(count, 'volume');
    item.description = `${node.part === 'train' ? 'training' : 'validation'} · ${volumes}`;
    const usual = node.path?.endsWith('.json') ? 'json' : 'folder';
    item.iconPath = new vscode.ThemeIcon(count ? usual : 'warning');
    item.contextValue = 'source';
    if (node.path) {
      item.tooltip = node.path;
      const command = node.path.endsWith('.json') ? 'vscode.open' : 'revealInExplorer';
      item.command = { command, title: 'Show', arguments: [vscode.Uri.file(node.path)] };
    }
    return item;
  }
}

function keyOf({ home, part, source }: SourceNode): string {
  return JSON.stringify([home, part, source]);
}

function moreItem(node: MoreNode): vscode.TreeItem {
  const item = new vscode.TreeItem('Show more…');
  item.description = `${node.hidden} not listed`;
  item.iconPath = new vscode.ThemeIcon('ellipsis');
  item.contextValue = 'more';
  item.command = { command: SHOW_MORE, title: 'Show more', arguments: [node] };
  return item;
}

function caseItem(node: CaseNode): vscode.TreeItem {
  const { id, channels, label } = node.case;
  const item = new vscode.TreeItem(id);
  const files = channels !== undefined && counted(channels, 'channel');
  item.description = [files, label !== undefined && 'labelled'].filter(Boolean).join(' · ');
  item.iconPath = new vscode.ThemeIcon('file-media');
  item.contextValue = 'case';
  item.command = { command: OPEN_CASE, title: 'Open', arguments: [node] };
  return item;
}

function problemItem({ problem }: ProblemNode): vscode.TreeItem {
  const item = new vscode.TreeItem(problem);
  item.iconPath = new vscode.ThemeIcon('info');
  item.tooltip = problem;
  return item;
}

const OPEN_CASE = 'voco.openCase';
/** Only from its row in the tree. */
const SHOW_MORE = 'voco.showMoreCases';

/** Shows a case of the Datasets view with its label on top. */
async function openCase(services: Services, argument: unknown): Promise<void> {
  if (typeof argument !== 'object' || argument === null || !('case' in argument)) return;
  const { case: one } = argument as CaseNode;
  const label = one.label ?? (await siblingLabels(one.image));
  const overlays = label === undefined ? undefined : [{ uri: vscode.Uri.file(label), name: 'label' }];
  await openVolume(vscode.Uri.file(one.image), { ...(overlays && { overlays }) }).catch((error: unknown) =>
    report(services, error),
  );
}

export function createDatasetsView(services: Services): vscode.Disposable {
  const treeDataProvider = new DatasetsProvider(services);
  const view = vscode.window.createTreeView<Node>('voco.datasets', { treeDataProvider });
  // The row that was chosen is gone: its place in the list is kept for the keyboard.
  const showMore = async (node: MoreNode): Promise<void> => {
    const next = await treeDataProvider.showMore(node);
    if (next) await view.reveal(next, { focus: true, select: false });
  };
  return vscode.Disposable.from(
    vscode.commands.registerCommand(OPEN_CASE, (argument: unknown) => openCase(services, argument)),
    vscode.commands.registerCommand(SHOW_MORE, showMore),
    view,
  );
}
