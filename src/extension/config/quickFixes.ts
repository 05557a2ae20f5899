import * as vscode from 'vscode';
import { CONFIG_SELECTOR } from './configFiles';
import { problemsShown, type ConfigProblem } from './diagnostics';

/** Offers the change that a problem carries. */
export function registerQuickFixes(): vscode.Disposable {
  const provider: vscode.CodeActionProvider = {
    provideCodeActions(document, range) {
      const here = problemsShown(document.uri).filter((problem) => problem.range.intersection(range) !== undefined);
      return here.flatMap((problem) => toAction(document, problem) ?? []);
    },
  };
  const kinds = { providedCodeActionKinds: [vscode.CodeActionKind.QuickFix] };
  return vscode.languages.registerCodeActionsProvider(CONFIG_SELECTOR, provider, kinds);
}

function toAction(document: vscode.TextDocument, problem: ConfigProblem): vscode.CodeAction | undefined {
  if (!problem.fix) return undefined;
  const action = new vscode.CodeAction(problem.fix.title, vscode.CodeActionKind.QuickFix);
  action.edit = new vscode.WorkspaceEdit();
  for (const edit of problem.fix.edits) {
    const range = new vscode.Range(document.positionAt(edit.offset), document.positionAt(edit.offset + edit.length));
    action.edit.replace(document.uri, range, edit.text);
  }
  action.diagnostics = [problem];
  action.isPreferred = true;
  return action;
}
