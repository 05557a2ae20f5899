import { basename } from 'node:path';
import * as vscode from 'vscode';
import { loadConfig } from '../../config';
import { UserError } from '../../errors/userError';
import { estimateJob } from '../../jobs/estimate';
import { estimateSheet } from '../../jobs/estimateSheet';
import type { EstimateContract, EstimateState } from '../../protocol/estimate';
import { CONFIG_SUFFIX } from '../config/configFiles';
import { pickConfig, saveConfig } from '../config/pickConfig';
import { refuseWithErrors } from '../config/refuseWithErrors';
import { bodyFor } from '../panel/html';
import { PanelPage } from '../panel/page';
import { Panels, type OpenPanel } from '../panel/panels';
import type { Handlers, PanelServer } from '../panel/panelServer';
import type { Services } from '../services';
import { registerCommand } from '../shared/command';
import { settingOverrides } from '../shared/settings';

type Answer = EstimateContract['calls']['estimate']['result'];

/** The panel of one config, and the estimate that it has under way. */
class EstimatePanel implements OpenPanel<vscode.Uri> {
  readonly page: PanelPage;
  private readonly server: PanelServer<EstimateContract>;
  private running: AbortController | undefined;

  constructor(
    panel: vscode.WebviewPanel,
    private readonly services: Services,
    private readonly file: vscode.Uri,
  ) {
    this.page = new PanelPage(services, panel, {
      bundle: 'estimate',
      title: 'Estimate',
      tabTitle: `Estimate: ${basename(file.fsPath, CONFIG_SUFFIX)}`,
      icon: true,
      body: bodyFor(file),
    });
    this.page.own({ dispose: () => this.running?.abort() });
    this.server = this.page.serve(this.handlers());
    this.page.own(
      vscode.workspace.onDidSaveTextDocument((document) => {
        if (this.shows(document.uri)) this.server.send('changed', { again: false });
      }),
    );
  }

  shows(file: vscode.Uri): boolean {
    return file.toString() === this.file.toString();
  }

  /** Shows the panel and estimates again. */
  again(): void {
    this.page.panel.reveal(undefined, true);
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
export function registerEstimatePanels(services: Services): vscode.Disposable {
  const panels = new Panels<vscode.Uri, EstimateState>({
    viewType: 'voco.estimate',
    title: 'Estimate',
    where: () => ({ viewColumn: vscode.ViewColumn.Beside, preserveFocus: true }),
    make: (panel, file) => new EstimatePanel(panel, services, file),
    restore: (state) => (state?.file ? vscode.Uri.file(state.file) : undefined),
  });
  const command = registerCommand(services, {
    id: 'voco.estimate',
    async run(_, argument) {
      const file = await pickConfig(argument, 'Estimate a run of which config?');
      await saveConfig(file);
      await refuseWithErrors(file);
      panels.show(file);
    },
  });
  return vscode.Disposable.from(panels, command);
}
