import * as vscode from 'vscode';
import { CONFIG_SELECTOR } from './configFiles';

/** What can be done with a config, above its first line. */
const LENSES: readonly { title: string; command: string; tooltip: string }[] = [
  { title: '$(play) Pre-train', command: 'voco.pretrain', tooltip: 'Start a run with this config' },
  { title: '$(checklist) Check data', command: 'voco.checkData', tooltip: 'Look for problems in the volumes it names' },
  { title: '$(symbol-array) Preview crops', command: 'voco.previewCrops', tooltip: 'See what it does to a volume' },
  { title: '$(dashboard) Estimate', command: 'voco.estimate', tooltip: 'Memory, disk and time that a run takes' },
];

export function registerCodeLenses(): vscode.Disposable {
  const top = new vscode.Range(0, 0, 0, 0);
  return vscode.languages.registerCodeLensProvider(CONFIG_SELECTOR, {
    provideCodeLenses: (document) =>
      LENSES.map((lens) => new vscode.CodeLens(top, { ...lens, arguments: [document.uri] })),
  });
}
