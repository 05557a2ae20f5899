import { basename } from 'node:path';
import * as vscode from 'vscode';
import { loadConfig } from '../../config';
import { UserError } from '../../errors/userError';
import { estimateJob } from '../../jobs/estimate';
import type { EstimateContract, EstimateState } from '../../protocol/estimate';
import { registerCommand, type CommandDefinition } from '../shared/command';
import { pickConfig, saveConfig } from '../config/pickConfig';
import { refuseWithErrors } from '../config/refuseWithErrors';
import { settingOverrides } from '../shared/settings';
import { CONFIG_SUFFIX } from '../config/configFiles';
import type { Services } from '../services';
import { panelPage, panelRoots, tabIcon } from '../panel/html';
import { servePanel, type Handlers, type PanelServer } from '../panel/panelServer';
import { estimateSheet } from '../../jobs/estimateSheet';

const PANEL = 'voco.estimate';

type Answer = EstimateContract['calls']['estimate']['result'];

/** The panel of one config, and the estimate that it has under way. */
class EstimatePanel {
  private readonly server: PanelServer<EstimateContract>;
  private running: AbortController | undefined;

  constructor(
    private readonly services: Services,
    readonly panel: vscode.WebviewPanel,
    private readonly file: vscode.Uri,
  ) {
    const { extensionUri } = services.context;
    panel.title = `Estimate: ${basename(file.fsPath, CONFIG_SUFFIX)}`;
    panel.iconPath = tabIcon(extensionUri);
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(extensionUri) };
    this.server = servePanel<EstimateContract>(panel.webview, this.handlers(), (error) =>
      services.log.error(String(error)),
    );
    const saved = vscode.workspace.onDidSaveTextDocument((document) => {
      if (document.uri.toString() === file.toString()) this.server.send('changed', { again: false });
    });
    panel.onDidDispose(() => {
      this.running?.abort();
      saved.dispose();
      this.server.dispose();
    });
    panel.webview.html = panelPage(panel.webview, extensionUri, {
      bundle: 'estimate',
      title: 'Estimate',
      body: `<main id="app" data-file="${encodeURI(file.fsPath)}"></main>`,
    });
  }

  /** Shows the panel and estimates again. */
  again(): void {
    this.panel.reveal(undefined, true);
    this.server.send('changed', { again: true });
  }

  private handlers(): Handlers<EstimateContract> {
    return {
      estimate: () => this.estimate(),
      cancel: () => {
        this.running?.abort();
        return null;
      },
      start: async () => {
        const { kind } = (await loadConfig(this.file.fsPath)).config;
        void vscode.commands.executeCommand(`voco.${kind}`, this.file);
        return null;
      },
    };
  }

  private async estimate(): Promise<Answer> {
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    try {
      const set = settingOverrides();
      const { kind } = (await loadConfig(this.file.fsPath, { set })).config;
      const job = { kind, configFile: this.file.fsPath, set };
      const onMessage = (line: string): void => this.server.send('progress', line);
      const options = { signal: running.signal, onMessage };
      const estimate = await estimateJob(await this.services.program(), job, options);
      return estimateSheet(estimate, (folder) => vscode.workspace.asRelativePath(folder));
    } catch (error) {
      if (running.signal.aborted) return { cancelled: true };
      if (error instanceof UserError) return { problem: error.message };
      throw error;
    } finally {
      if (this.running === running) this.running = undefined;
    }
  }
}

/** “Estimate”: a panel beside the config, one a config, with memory, disk and time that a run of it takes. */
class EstimatePanels implements vscode.WebviewPanelSerializer<EstimateState> {
  private readonly panels = new Map<string, EstimatePanel>();

  constructor(private readonly services: Services) {}

  show(file: vscode.Uri): void {
    const known = this.panels.get(file.toString());
    if (known) return known.again();
    const where = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    this.attach(vscode.window.createWebviewPanel(PANEL, 'Estimate', where), file);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: EstimateState | undefined): Promise<void> {
    if (state?.file) this.attach(panel, vscode.Uri.file(state.file));
    else panel.dispose();
    return Promise.resolve();
  }

  private attach(panel: vscode.WebviewPanel, file: vscode.Uri): void {
    this.panels.set(file.toString(), new EstimatePanel(this.services, panel, file));
    panel.onDidDispose(() => this.panels.delete(file.toString()));
  }
}

/** Registers the command and the panels that a reloaded window brings back. */
export function registerEstimatePanels(services: Services): vscode.Disposable {
  const panels = new EstimatePanels(services);
  const command: CommandDefinition = {
    id: 'voco.estimate',
    async run(_, argument) {
      const file = await pickConfig(argument, 'Estimate a run of which config?');
      await saveConfig(file);
      await refuseWithErrors(file);
      panels.show(file);
    },
  };
  return vscode.Disposable.from(
    vscode.window.registerWebviewPanelSerializer(PANEL, panels),
    registerCommand(services, command),
  );
}
