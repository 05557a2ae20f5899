import * as vscode from 'vscode';
import { Cancelled } from '../shared/command';
import { configProblems } from './diagnostics';
import { showError } from '../shared/notify';

/** Shows the first error of a config on its line. @throws Cancelled when there is one */
export async function refuseWithErrors(config: vscode.Uri): Promise<void> {
  const document = await vscode.workspace.openTextDocument(config);
  const problems = await configProblems(document, { syntax: true });
  const first = problems.find((problem) => problem.severity === vscode.DiagnosticSeverity.Error);
  if (!first) return;
  const editor = await vscode.window.showTextDocument(document, { preview: false });
  editor.selection = new vscode.Selection(first.range.start, first.range.end);
  editor.revealRange(first.range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  const show = 'Show Problems';
  const line = first.range.start.line + 1;
  void showError(`Not started, line ${line}: ${first.message}`, show).then((choice) => {
    if (choice === show) void vscode.commands.executeCommand('workbench.actions.view.problems');
  });
  throw new Cancelled();
}
