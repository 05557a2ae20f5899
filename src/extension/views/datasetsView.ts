import { dirname, relative, resolve } from 'node:path';
import { parse } from 'jsonc-parser';
import * as vscode from 'vscode';
import { CONFIG_SUFFIX, findConfigs } from '../editors/config/configFiles';
import type { Services } from '../services';

interface ConfigNode {
  readonly config: vscode.Uri;
}

interface SourceNode {
  readonly part: 'train' | 'validation';
  readonly text: string;
  readonly path: string | undefined;
  readonly count?: number;
}

type Node = ConfigNode | SourceNode;

/** A data source as it stands in a config, which may be wrong in any way. */
interface Source {
  readonly datalist?: unknown;
  readonly key?: unknown;
  readonly folder?: unknown;
  readonly glob?: unknown;
}

function sourceNode(part: SourceNode['part'], source: Source, config: vscode.Uri): SourceNode | undefined {
  const { datalist, folder, glob, key } = source;
  const base = dirname(config.fsPath);
  if (typeof datalist === 'string') {
    return { part, text: `${datalist}${typeof key === 'string' ? `: ${key}` : ''}`, path: resolve(base, datalist) };
  }
  if (typeof folder === 'string') return { part, text: folder, path: resolve(base, folder) };
  return typeof glob === 'string' ? { part, text: glob, path: undefined } : undefined;
}

async function sourcesOf(config: vscode.Uri): Promise<SourceNode[]> {
  const text = Buffer.from(await vscode.workspace.fs.readFile(config)).toString('utf8');
  const value = parse(text, [], { allowTrailingComma: true }) as { data?: Record<string, unknown> } | undefined;
  return (['train', 'validation'] as const).flatMap((part) => {
    const list = value?.data?.[part];
    const sources = Array.isArray(list) ? (list as (Source | null)[]) : [];
    return sources.flatMap((source) => (source && sourceNode(part, source, config)) ?? []);
  });
}

/** The data of every config in the workspace, with what the last check found. */
class DatasetsProvider implements vscode.TreeDataProvider<Node> {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private watcher: vscode.FileSystemWatcher | undefined;

  constructor(private readonly services: Services) {
    services.context.subscriptions.push(
      this.changed,
      services.checks.onDidChange(() => this.changed.fire()),
    );
  }

  getTreeItem(node: Node): vscode.TreeItem {
    return 'config' in node ? this.configItem(node) : this.sourceItem(node);
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (!node) {
      this.watch();
      return (await findConfigs()).map((config) => ({ config }));
    }
    return 'config' in node ? sourcesOf(node.config) : [];
  }

  private watch(): void {
    if (this.watcher) return;
    this.watcher = vscode.workspace.createFileSystemWatcher(`**/*${CONFIG_SUFFIX}`);
    const fire = (): void => this.changed.fire();
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
    const counts = report && `${report.volumes} volume${report.volumes === 1 ? '' : 's'}`;
    const state = !report ? undefined : problems > 0 ? `${problems} problem${problems === 1 ? '' : 's'}` : 'in order';
    item.id = config.toString();
    item.description = [where, counts, state].filter(Boolean).join(' · ');
    item.iconPath = new vscode.ThemeIcon(!report ? 'database' : problems > 0 ? 'warning' : 'pass');
    item.contextValue = 'config';
    item.tooltip = config.fsPath;
    item.command = { command: 'vscode.open', title: 'Open', arguments: [config] };
    return item;
  }

  private sourceItem(node: SourceNode): vscode.TreeItem {
    const item = new vscode.TreeItem(node.text, vscode.TreeItemCollapsibleState.None);
    item.description = node.part === 'train' ? 'training' : 'validation';
    item.iconPath = new vscode.ThemeIcon(node.path?.endsWith('.json') ? 'json' : 'folder');
    item.contextValue = 'source';
    if (node.path) {
      item.tooltip = node.path;
      const command = node.path.endsWith('.json') ? 'vscode.open' : 'revealInExplorer';
      item.command = { command, title: 'Show', arguments: [vscode.Uri.file(node.path)] };
    }
    return item;
  }
}

export function createDatasetsView(services: Services): vscode.Disposable {
  return vscode.window.createTreeView<Node>('voco.datasets', { treeDataProvider: new DatasetsProvider(services) });
}
