import { basename } from 'node:path';
import * as vscode from 'vscode';
import { CropQuestions, listPretrained, type Scenes } from '../../jobs/cropQuestions';
import type { CropsContract, CropsState } from '../../protocol/crops';
import type { Services } from '../services';
import { pickConfig } from '../config/pickConfig';
import { report } from '../shared/command';
import { ThreadClient } from '../../rpc/threadClient';
import { panelPage, panelRoots } from '../panel/html';
import { servePanel } from '../panel/panelServer';
import { chosenDevice } from '../shared/settings';
import { pickCheckpointFile } from './pickCheckpointFile';

const PANEL = 'voco.crops';
/** A replacement of several places comes as several changes: one question follows them. */
const QUIET_MS = 10;
/** A run that trains changes all the time: the list of checkpoints follows a second later. */
const RUNS_QUIET_MS = 1000;

/** What the preview's thread answers (`src/preview`): the contract's calls, with the config's text and file first. */
type Previewer = {
  preview(
    text: string,
    file: string,
    params: CropsContract['calls']['preview']['params'],
  ): CropsContract['calls']['preview']['result'];
  slice(params: CropsContract['calls']['slice']['params']): CropsContract['calls']['slice']['result'];
  crop(params: CropsContract['calls']['crop']['params']): CropsContract['calls']['crop']['result'];
  body(): CropsContract['calls']['body']['result'];
} & Scenes;

/** The text of a config as it stands in its editor, unsaved changes included. */
async function currentText(file: vscode.Uri): Promise<string> {
  return (await vscode.workspace.openTextDocument(file)).getText();
}

/** “Preview Crops”: a panel beside the config that follows its edits; one a config. */
class CropsPanels implements vscode.WebviewPanelSerializer<CropsState> {
  private readonly panels = new Map<string, vscode.WebviewPanel>();

  constructor(private readonly services: Services) {}

  async command(clicked?: unknown): Promise<void> {
    const file = await pickConfig(clicked, 'Preview Crops');
    this.services.walkthrough.done('crops');
    const known = this.panels.get(file.toString());
    if (known) return known.reveal();
    this.show(vscode.window.createWebviewPanel(PANEL, titleOf(file), vscode.ViewColumn.Beside), file);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: CropsState | undefined): Promise<void> {
    if (state?.file) this.show(panel, vscode.Uri.file(state.file));
    else panel.dispose();
    return Promise.resolve();
  }

  private show(panel: vscode.WebviewPanel, file: vscode.Uri): void {
    const { context, finder, log, registry } = this.services;
    panel.title = titleOf(file);
    panel.webview.options = { enableScripts: true, localResourceRoots: panelRoots(context.extensionUri) };
    const thread = new ThreadClient<Previewer>({
      script: context.asAbsolutePath('dist/preview-worker.cjs'),
      name: 'VoCo preview',
      tooLarge: 'The volume is too large for the memory of this machine: preview a smaller one.',
    });
    const network = new CropQuestions(thread, () => this.services.program(), chosenDevice);
    const server = servePanel<CropsContract>(
      panel.webview,
      {
        preview: async (params) => thread.call('preview', await currentText(file), file.fsPath, params),
        slice: (params) => thread.call('slice', params),
        crop: (params) => thread.call('crop', params),
        body: () => thread.call('body'),
        checkpoints: async () => {
          await finder.start();
          return listPretrained(registry);
        },
        browse: pickCheckpointFile,
        locate: (params) => network.locate(params, (progress) => server.send('progress', progress)),
        predict: (params) => network.predict(params),
        cancel: () => network.cancel(),
      },
      (error) => log.error(String(error)),
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    const edits = vscode.workspace.onDidChangeTextDocument(({ document }) => {
      if (document.uri.toString() !== file.toString()) return;
      clearTimeout(timer);
      timer = setTimeout(() => server.send('config', null), QUIET_MS);
    });
    let listing: ReturnType<typeof setTimeout> | undefined;
    const runs = registry.onDidChange(() => {
      clearTimeout(listing);
      listing = setTimeout(() => server.send('checkpoints', null), RUNS_QUIET_MS);
    });
    this.panels.set(file.toString(), panel);
    panel.onDidDispose(() => {
      clearTimeout(timer);
      clearTimeout(listing);
      this.panels.delete(file.toString());
      for (const part of [edits, runs, network, server, thread]) part.dispose();
    });
    panel.webview.html = panelPage(panel.webview, context.extensionUri, {
      bundle: 'crops',
      title: 'Crops',
      body: `<main id="app" data-file="${encodeURI(file.fsPath)}"></main>`,
    });
  }
}

function titleOf(file: vscode.Uri): string {
  return `Crops: ${basename(file.fsPath).replace(/\.voco\.json$/, '')}`;
}

/** Registers the preview of crops: its command and the panels that a reloaded window brings back. */
export function registerCropsPanels(services: Services): vscode.Disposable {
  const panels = new CropsPanels(services);
  return vscode.Disposable.from(
    vscode.window.registerWebviewPanelSerializer(PANEL, panels),
    vscode.commands.registerCommand('voco.previewCrops', (clicked?: unknown) =>
      panels.command(clicked).catch((error: unknown) => report(services, error)),
    ),
  );
}
