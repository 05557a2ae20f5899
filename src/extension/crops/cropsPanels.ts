import { basename } from 'node:path';
import * as vscode from 'vscode';
import { CropQuestions, listPretrained, type SceneCalls } from '../../jobs/cropQuestions';
import type { CropsContract, CropsState } from '../../protocol/crops';
import type { CallsOf, Client } from '../../rpc';
import { connectThread } from '../../rpc/threads';
import { CONFIG_SUFFIX } from '../config/configFiles';
import { pickConfig } from '../config/pickConfig';
import { bodyFor } from '../panel/html';
import { PanelPage } from '../panel/page';
import { Panels, type OpenPanel } from '../panel/panels';
import type { Handlers, PanelServer } from '../panel/panelServer';
import { whenQuiet } from '../panel/timing';
import type { Services } from '../services';
import { registerCommand } from '../shared/command';
import { chosenDevice } from '../shared/settings';
import { pickCheckpointFile } from './pickCheckpointFile';

/** A replacement of several places comes as several changes: one question follows them. */
const QUIET_MS = 10;
/** A run that trains changes all the time: the list of checkpoints follows a second later. */
const RUNS_QUIET_MS = 1000;

/** What the preview's thread answers (`src/preview`): the contract's calls, with the config's text and file first. */
type PreviewCalls = CallsOf<{
  preview(
    text: string,
    file: string,
    params: CropsContract['calls']['preview']['params'],
  ): CropsContract['calls']['preview']['result'];
  slice(params: CropsContract['calls']['slice']['params']): CropsContract['calls']['slice']['result'];
  crop(params: CropsContract['calls']['crop']['params']): CropsContract['calls']['crop']['result'];
  body(): CropsContract['calls']['body']['result'];
}> &
  SceneCalls;

/** The text of a config in its editor, unsaved changes included. */
async function currentText(file: vscode.Uri): Promise<string> {
  return (await vscode.workspace.openTextDocument(file)).getText();
}

const titleOf = (file: vscode.Uri): string => `Crops: ${basename(file.fsPath, CONFIG_SUFFIX)}`;

/** The panel of one config, with the thread that makes its crops. */
class CropsPanel implements OpenPanel<vscode.Uri> {
  readonly page: PanelPage;
  private readonly server: PanelServer<CropsContract>;
  private readonly thread: Client<PreviewCalls>;
  private readonly questions: CropQuestions;

  constructor(
    panel: vscode.WebviewPanel,
    private readonly services: Services,
    private readonly file: vscode.Uri,
  ) {
    this.page = new PanelPage(services, panel, {
      bundle: 'crops',
      title: 'Crops',
      tabTitle: titleOf(file),
      icon: true,
      body: bodyFor(file),
    });
    this.thread = connectThread<PreviewCalls>({
      script: services.context.asAbsolutePath('dist/preview-worker.cjs'),
      name: 'VoCo preview',
      tooLarge: 'The volume is too large for the memory of this machine: preview a smaller one.',
    });
    this.questions = this.page.own(new CropQuestions(this.thread, () => services.program(), chosenDevice));
    this.server = this.page.serve(this.handlers());
    this.page.own(this.thread);
    this.follow();
  }

  shows(file: vscode.Uri): boolean {
    return file.toString() === this.file.toString();
  }

  again(): void {
    this.page.panel.reveal();
  }

  /** Tells the page of edits of the config and of new checkpoints. */
  private follow(): void {
    const edited = this.page.own(whenQuiet(QUIET_MS, () => this.server.send('config', null)));
    const listed = this.page.own(whenQuiet(RUNS_QUIET_MS, () => this.server.send('checkpoints', null)));
    this.page.own(
      vscode.workspace.onDidChangeTextDocument(({ document }) => {
        if (this.shows(document.uri)) edited();
      }),
    );
    this.page.own(this.services.registry.onDidChange(listed));
  }

  private handlers(): Handlers<CropsContract> {
    const { file, questions, thread } = this;
    const { finder, registry } = this.services;
    return {
      preview: async (params) => thread.call('preview', [await currentText(file), file.fsPath, params]),
      slice: (params) => thread.call('slice', [params]),
      crop: (params) => thread.call('crop', [params]),
      body: () => thread.call('body', []),
      checkpoints: async () => {
        await finder.start();
        return listPretrained(registry);
      },
      browse: pickCheckpointFile,
      locate: (params) => questions.locate(params, (progress) => this.server.send('progress', progress)),
      predict: (params) => questions.predict(params),
      answer: (params) => questions.answer(params),
      cancel: () => questions.cancel(),
    };
  }
}

/** “Preview Crops”: a panel beside the config that follows its edits; one a config. */
export function registerCropsPanels(services: Services): vscode.Disposable {
  const panels = new Panels<vscode.Uri, CropsState>({
    viewType: 'voco.crops',
    title: 'Crops',
    where: () => vscode.ViewColumn.Beside,
    make: (panel, file) => new CropsPanel(panel, services, file),
    restore: (state) => (state?.file ? vscode.Uri.file(state.file) : undefined),
  });
  const command = registerCommand(services, {
    id: 'voco.previewCrops',
    async run(_, argument) {
      const file = await pickConfig(argument, 'Preview Crops');
      services.walkthrough.done('crops');
      panels.show(file);
    },
  });
  return vscode.Disposable.from(panels, command);
}
