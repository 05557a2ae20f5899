import { basename } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { csvLine } from '../../files/csv';
import type { CompareCalls } from '../../protocol/comparison';
import type { CompareContract, CompareCurves, CompareOverview, CompareState, ViewerName } from '../../protocol/compare';
import { tickCheckpoints } from './tickCheckpoints';
import { startEvaluation } from '../results/evaluate';
import { CHECKPOINT_EDITOR } from '../checkpoint/checkpointEditor';
import { VolumeSession } from '../volume/session';
import type { Services } from '../services';
import { channelOf, mainChannel } from '../panel/channel';
import { panelPage, panelRoots, tabIcon } from '../panel/html';
import { servePanel, type Handlers, type PanelServer } from '../panel/panelServer';
import { chosenDevice } from '../shared/settings';
import { saveFile } from '../shared/saveFile';
import { cardOf } from '../../jobs/compareCards';
import { CompareTrainer } from '../../jobs/compareTrainer';

const THROTTLE_MS = 500;
const VIEWERS: readonly ViewerName[] = ['cases', 'positions'];

/** An open comparison, with the trainer process that answers it. */
export class ComparePanel {
  private readonly server: PanelServer<CompareContract>;
  private readonly trainer: CompareTrainer;
  private readonly viewers: ReadonlyMap<ViewerName, VolumeSession>;
  private readonly subscriptions: vscode.Disposable[];
  private readonly timers = new Map<'changed' | 'grown', NodeJS.Timeout>();

  constructor(
    readonly panel: vscode.WebviewPanel,
    private readonly services: Services,
    private shown: readonly string[],
  ) {
    const { log, registry, volumes, context } = services;
    const { webview } = panel;
    webview.options = { enableScripts: true, localResourceRoots: panelRoots(context.extensionUri) };
    panel.iconPath = tabIcon(context.extensionUri);
    const onDefect = (error: unknown): void => log.error(String(error));
    this.server = servePanel<CompareContract>(mainChannel(webview), this.handlers(), onDefect);
    this.trainer = new CompareTrainer(
      () => services.program(),
      () => chosenDevice() ?? 'auto',
      (task, progress) => this.server.send('progress', { task, ...progress }),
    );
    const viewer = (name: ViewerName): VolumeSession =>
      new VolumeSession(channelOf(webview, name), volumes, [], undefined, onDefect);
    this.viewers = new Map(VIEWERS.map((name) => [name, viewer(name)]));
    this.subscriptions = [
      vscode.Disposable.from(registry.onDidChange(() => this.soon('changed'))),
      vscode.Disposable.from(registry.onDidWrite(() => this.soon('grown'))),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.soon('changed')),
    ];
    panel.onDidDispose(() => this.dispose());
    webview.html = panelPage(webview, context.extensionUri, {
      bundle: 'compare',
      title: 'Compare checkpoints',
      // The 3-D rendering's font and textures are data URLs.
      policy: ['img-src data:', `connect-src ${webview.cspSource} data:`],
    });
  }

  get files(): readonly string[] {
    return this.shown;
  }

  private dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    for (const part of [this.server, this.trainer, ...this.viewers.values(), ...this.subscriptions]) part.dispose();
  }

  private handlers(): Handlers<CompareContract> {
    const asked =
      <N extends keyof CompareCalls>(method: N) =>
      ({ task, request }: { task: string; request: CompareCalls[N]['params'] }) =>
        this.trainer.ask(method, task, request);
    return {
      open: ({ files }) => this.open(files),
      compare: asked('compare'),
      cases: asked('cases'),
      predict: asked('predict'),
      locate: asked('locate'),
      features: asked('features'),
      cancel: ({ task }) => (this.trainer.cancel(task), null),
      view: ({ viewer, volumes, look }) => (this.viewers.get(viewer)?.replace(volumes, look), null),
      curves: () => this.curves(),
      series: (request) => this.services.curves.series(request),
      showCurves: () => this.showCurves(),
      choose: () => this.choose(),
      show: async ({ file }) => {
        await vscode.commands.executeCommand('vscode.openWith', vscode.Uri.file(file), CHECKPOINT_EDITOR);
        return null;
      },
      evaluate: ({ file }) => this.evaluate(file),
      export: ({ name, lines }) => saveFile(name, lines.map(csvLine).join('')),
    };
  }

  private async open(files: readonly string[]): Promise<CompareOverview> {
    const { finder, registry } = this.services;
    await finder.start();
    if (files.length > 0) this.shown = files;
    const cards = await Promise.all(this.shown.map((file) => cardOf(registry, file)));
    const one = new Set(cards.map(({ run }) => run)).size === 1;
    const names = cards.map(({ name, step }) => (step === undefined ? name : one ? `step ${step}` : name));
    this.panel.title = `Compare: ${names.join(' ↔ ')}`;
    return { cards, ...(await this.problem()) };
  }

  /** Why no network can be asked. */
  private async problem(): Promise<Pick<CompareOverview, 'problem'>> {
    try {
      await this.services.program();
      return {};
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { problem: error.message };
    }
  }

  /** The runs of the checkpoints, each once. */
  private async runs(): Promise<CompareCurves['runs']> {
    const cards = await Promise.all(this.shown.map((file) => cardOf(this.services.registry, file)));
    const ids = [...new Set(cards.flatMap(({ run }) => run ?? []))];
    return ids.map((id) => ({
      id,
      checkpoints: cards
        .filter(({ run }) => run === id)
        .map(({ file, step }) => ({ file, ...(step !== undefined && { step }) })),
    }));
  }

  private async curves(): Promise<CompareCurves> {
    const runs = await this.runs();
    return { runs, charts: await this.services.curves.chartsOf(runs.map(({ id }) => id)) };
  }

  private async showCurves(): Promise<null> {
    this.services.curves.show((await this.runs()).map(({ id }) => id));
    return null;
  }

  private async choose(): Promise<readonly string[] | null> {
    return (await tickCheckpoints(this.services, this.shown)) ?? null;
  }

  private async evaluate(file: string): Promise<null> {
    const { run } = await cardOf(this.services.registry, file);
    if (run === undefined)
      throw new UserError(`${basename(file)}: lies in no run, so there is no config that says what to evaluate it on`);
    await startEvaluation(this.services, run, file);
    return null;
  }

  /** Tells the page, a few times a second at most. */
  private soon(event: 'changed' | 'grown'): void {
    if (this.timers.has(event)) return;
    const tell = (): void => {
      this.timers.delete(event);
      this.server.send(event, null);
    };
    this.timers.set(event, setTimeout(tell, THROTTLE_MS));
  }
}

export type SavedComparison = Pick<CompareState, 'files'>;
