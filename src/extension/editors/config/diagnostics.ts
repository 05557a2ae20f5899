import { parseTree, type ParseError } from 'jsonc-parser';
import * as vscode from 'vscode';
import { diagnose, type Diagnostic } from '../../../config';
import { isConfigFile } from './configFiles';
import { findMissingSources } from './missingFiles';

const DELAY_MS = 200;

/** A problem of a config in the editor, with the change that would put it right. */
export class ConfigProblem extends vscode.Diagnostic {
  fix: Diagnostic['fix'];
}

/** Problems that the JSON editor itself reports for the same place: syntax errors. */
function syntaxErrors(text: string): Set<number> {
  const errors: ParseError[] = [];
  parseTree(text, errors, { allowTrailingComma: true });
  return new Set(errors.map((error) => error.offset));
}

function toProblem(document: vscode.TextDocument, found: Diagnostic): ConfigProblem {
  const range = new vscode.Range(
    document.positionAt(found.offset),
    document.positionAt(found.offset + Math.max(1, found.length)),
  );
  const severity = found.severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const problem = new ConfigProblem(range, found.message, severity);
  problem.source = 'VoCo';
  if (found.path !== '') problem.code = found.path;
  problem.fix = found.fix;
  return problem;
}

/**
 * Everything wrong with a config as it stands in the editor, files that do not exist included, in the order of the text.
 *
 * @param options.syntax whether to name syntax errors too, which the JSON editor shows by itself.
 */
export async function configProblems(
  document: vscode.TextDocument,
  options: { syntax?: boolean } = {},
): Promise<ConfigProblem[]> {
  const text = document.getText();
  const hidden = options.syntax ? new Set<number>() : syntaxErrors(text);
  const own = diagnose(text, document.uri.fsPath).filter((found) => found.path !== '' || !hidden.has(found.offset));
  const missing = document.uri.scheme === 'untitled' ? [] : await findMissingSources(text, document.uri.fsPath);
  const all = [...own, ...missing].sort((a, b) => a.offset - b.offset);
  return all.map((found) => toProblem(document, found));
}

/** Keeps the problems of open configs up to date while they are edited. */
export function watchConfigs(onError: (error: unknown) => void): vscode.Disposable {
  const collection = vscode.languages.createDiagnosticCollection('voco');
  const timers = new Map<string, NodeJS.Timeout>();

  async function update(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const problems = await configProblems(document);
    if (document.version === version && !document.isClosed) collection.set(document.uri, problems);
  }

  function schedule(document: vscode.TextDocument, delay: number): void {
    if (!isConfigFile(document.uri)) return;
    const key = document.uri.toString();
    clearTimeout(timers.get(key));
    const run = (): void => void update(document).catch(onError);
    timers.set(key, setTimeout(run, delay));
  }

  const subscriptions = [
    vscode.workspace.onDidOpenTextDocument((document) => schedule(document, 0)),
    vscode.workspace.onDidChangeTextDocument(({ document }) => schedule(document, DELAY_MS)),
    vscode.workspace.onDidSaveTextDocument((document) => schedule(document, 0)),
    vscode.workspace.onDidCloseTextDocument((document) => {
      clearTimeout(timers.get(document.uri.toString()));
      collection.delete(document.uri);
    }),
  ];
  for (const document of vscode.workspace.textDocuments) schedule(document, 0);
  return new vscode.Disposable(() => {
    for (const timer of timers.values()) clearTimeout(timer);
    vscode.Disposable.from(collection, ...subscriptions).dispose();
  });
}
