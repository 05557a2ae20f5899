import * as vscode from 'vscode';
import type { ConfigKind } from '../../config';
import { kindOfText } from '../../config/kindOfText';
import { CONFIG_SELECTOR, isConfigFile } from './configFiles';

interface Lens {
  readonly title: string;
  readonly command: string;
  readonly tooltip: string;
  /** Starts no program, so it may be offered where the folder is not trusted. */
  readonly looking?: true;
}

const CHECK: Lens = {
  title: '$(checklist) Check data',
  command: 'voco.checkData',
  tooltip: 'Check the volumes that this config names',
};

const ESTIMATE: Lens = {
  title: '$(dashboard) Estimate',
  command: 'voco.estimate',
  tooltip: 'Memory, disk and time that a run needs',
};

/** What can be done with a config, above its first line. */
const LENSES: Record<ConfigKind, readonly Lens[]> = {
  pretrain: [
    { title: '$(play) Pre-train', command: 'voco.pretrain', tooltip: 'Start a run with this config' },
    CHECK,
    {
      title: '$(symbol-array) Preview crops',
      command: 'voco.previewCrops',
      tooltip: 'See what this config does to a volume',
      looking: true,
    },
    ESTIMATE,
  ],
  finetune: [
    { title: '$(play) Fine-tune', command: 'voco.finetune', tooltip: 'Start a run with this config' },
    CHECK,
    ESTIMATE,
    {
      title: '$(target) Evaluate',
      command: 'voco.evaluate',
      tooltip: 'Score a run of this config on its held-out cases',
    },
    { title: '$(graph) Results', command: 'voco.showResults', tooltip: 'Scores by case and class', looking: true },
  ],
};

/** Tells menus which kind of config is being edited. */
function followKind(): vscode.Disposable {
  const update = (document: vscode.TextDocument | undefined): void => {
    const kind = document && isConfigFile(document.uri) ? kindOfText(document.getText()) : undefined;
    void vscode.commands.executeCommand('setContext', 'voco.configKind', kind);
  };
  update(vscode.window.activeTextEditor?.document);
  return vscode.Disposable.from(
    vscode.window.onDidChangeActiveTextEditor((editor) => update(editor?.document)),
    vscode.workspace.onDidSaveTextDocument(() => update(vscode.window.activeTextEditor?.document)),
  );
}

export function registerCodeLenses(): vscode.Disposable {
  const top = new vscode.Range(0, 0, 0, 0);
  const changed = new vscode.EventEmitter<void>();
  const offered = ({ looking }: Lens): boolean => vscode.workspace.isTrusted || looking === true;
  const provider: vscode.CodeLensProvider = {
    onDidChangeCodeLenses: changed.event,
    provideCodeLenses: (document) =>
      LENSES[kindOfText(document.getText())]
        .filter(offered)
        .map(({ looking: _, ...lens }) => new vscode.CodeLens(top, { ...lens, arguments: [document.uri] })),
  };
  return vscode.Disposable.from(
    changed,
    followKind(),
    vscode.workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
    vscode.languages.registerCodeLensProvider(CONFIG_SELECTOR, provider),
  );
}
