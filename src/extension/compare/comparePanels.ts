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
import { mainPart, partOf } from '../../rpc/page';
import { viewerPolicy } from '../volume/policy';
import { PanelPage } from '../panel/page';
import { Panels, type OpenPanel } from '../panel/panels';
import type { Handlers, PanelServer } from '../panel/panelServer';
import { atMostEvery } from '../panel/timing';
import { registerCommand } from '../shared/command';
import { checkpointsToCompare } from './compareCheckpoints';
import { chosenDevice } from '../shared/settings';
import { saveFile } from '../shared/saveFile';
import { cardOf } from '../../jobs/compareCards';
import { CompareTrainer } from '../../jobs/compareTrainer';

const TITLE = 'Compare checkpoints';
const THROTTLE_MS = 500;
const VIEWERS: readonly ViewerName[] = ['cases', 'positions'];

/** An open comparison, with the trainer process that answers it. */
class ComparePanel implements OpenPanel<readonly string[]> {
  readonly page: PanelPage;
  private readonly server: PanelServer<CompareContract>;
  private readonly trainer: CompareTrainer;
  private readonly viewers: ReadonlyMap<ViewerName, VolumeSession>;

  /** @param files the checkpoints that are shown */
  constructor(
    panel: vscode.WebviewPanel,
    private readonly services: Services,
    private files: readonly string[],
  ) {
    const { webview } = panel;
    const policy = viewerPolicy(webview);
    this.page = new PanelPage(services, panel, { bundle: 'compare', title: TITLE, policy, icon: true });
    this.server = this.page.serve(this.handlers(), mainPart(webview));
    this.trainer = this.page.own(
      new CompareTrainer(
        () => services.program(),
        () => chosenDevice() ?? 'auto',
        (task, progress) => this.server.send('progress', { task, ...progress }),
      ),
    );
    const viewer = (name: ViewerName): VolumeSession =>
      new VolumeSession(partOf(webview, name), services.volumes, [], undefined, this.page.onDefect);
    this.viewers = new Map(VIEWERS.map((name) => [name, this.page.own(viewer(name))]));
    this.follow();
  }

  shows(files: readonly string[]): boolean {
    return [...files].sort().join('\n') === [...this.files].sort().join('\n');
  }

  again(): void {
    this.page.panel.reveal();
  }

  /** Tells the page of runs and evaluations, a few times a second at most. */
  private follow(): void {
    const changed = this.page.own(atMostEvery(THROTTLE_MS, () => this.server.send('changed', null)));
    const grown = this.page.own(atMostEvery(THROTTLE_MS, () => this.server.send('grown', null)));
    const { registry } = this.services;
    const trusted = vscode.workspace.onDidGrantWorkspaceTrust(changed);
    for (const one of [registry.onDidChange(changed), registry.onDidWrite(grown), trusted]) this.page.own(one);
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
    if (files.length > 0) this.files = files;
    const cards = await Promise.all(this.files.map((file) => cardOf(registry, file)));
    const one = new Set(cards.map(({ run }) => run)).size === 1;
    const names = cards.map(({ name, step }) => (step === undefined ? name : one ? `step ${step}` : name));
    this.page.panel.title = `Compare: ${names.join(' ↔ ')}`;
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
    const cards = await Promise.all(this.files.map((file) => cardOf(this.services.registry, file)));
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
    return (await tickCheckpoints(this.services, this.files)) ?? null;
  }

  private async evaluate(file: string): Promise<null> {
    const { run } = await cardOf(this.services.registry, file);
    if (run === undefined)
      throw new UserError(
        `${basename(file)}: does not belong to a run, so there is no config with cases to evaluate it on`,
      );
    await startEvaluation(this.services, run, file);
    return null;
  }
}

/** Registers the comparison of checkpoints: its command and the panels that a reloaded window brings back. */
export function registerComparePanels(services: Services): vscode.Disposable {
  const panels = new Panels<readonly string[], Pick<CompareState, 'files'>>({
    viewType: 'voco.compare',
    title: TITLE,
    where: () => vscode.ViewColumn.Active,
    make: (panel, files) => new ComparePanel(panel, services, files),
    restore: (state) => (state?.files.length ? state.files : undefined),
  });
  const command = registerCommand(services, {
    id: 'voco.compareCheckpoints',
    run: async (_, argument, selected) => panels.show(await checkpointsToCompare(services, argument, selected)),
  });
  return vscode.Disposable.from(panels, command);
}
