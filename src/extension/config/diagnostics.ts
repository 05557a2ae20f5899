import { join } from 'node:path';
import * as vscode from 'vscode';
import type { Diagnostic } from '../../config';
import { diagnoseInEditor } from '../../config/diagnose';
import { findConfigs, isConfigFile } from './configFiles';
import { LintThread } from '../../config/lintThread';

/** The one thread of this window. */
const lintThread = new LintThread(join(__dirname, 'lint-worker.cjs'));

const DELAY_MS = 200;
const DISK_DELAY_MS = 250;

/** A problem of a config in the editor, with the change that would put it right. */
export class ConfigProblem extends vscode.Diagnostic {
  fix: Diagnostic['fix'];
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

function toProblems(document: vscode.TextDocument, found: readonly Diagnostic[]): ConfigProblem[] {
  return [...found].sort((a, b) => a.offset - b.offset).map((one) => toProblem(document, one));
}

/** Texts up to this length are checked here should the thread not start. */
const SHORT_TEXT = 1 << 16;
/** The list of problems grows slow with more. */
const MOST_SHOWN = 500;

/** Problems of the text alone, found in the thread: a long or hostile text must not hold up the editor. */
async function quickDiagnostics(document: vscode.TextDocument, options: { syntax?: boolean }): Promise<Diagnostic[]> {
  const [text, file, syntax] = [document.getText(), document.uri.fsPath, options.syntax === true] as const;
  const found = await lintThread.diagnose(text, file, syntax).catch((error: unknown) => {
    if (text.length > SHORT_TEXT) throw error;
    return diagnoseInEditor(text, file, syntax);
  });
  return found.slice(0, MOST_SHOWN);
}

/** What the files that the config names tell as well. */
async function diskDiagnostics(document: vscode.TextDocument): Promise<Diagnostic[]> {
  const { uri } = document;
  if (uri.scheme === 'untitled') return [];
  const others = (await findConfigs()).map(({ fsPath }) => fsPath).filter((path) => path !== uri.fsPath);
  return lintThread.lint(document.getText(), uri.fsPath, others);
}

/**
 * All problems of a config in its editor, in the order of the text: its own contradictions, and what
 * the files that it names say to it.
 *
 * @param options.syntax whether to name syntax errors too, which the JSON editor shows by itself.
 */
export async function configProblems(
  document: vscode.TextDocument,
  options: { syntax?: boolean } = {},
): Promise<ConfigProblem[]> {
  // Should the look at the disk fail, the trainer looks again before it starts.
  const disk = await diskDiagnostics(document).catch(() => []);
  return toProblems(document, [...(await quickDiagnostics(document, options)), ...disk]);
}

const shown = new Map<string, readonly ConfigProblem[]>();

/** The problems of an open config that the editor shows now. */
export const problemsShown = (uri: vscode.Uri): readonly ConfigProblem[] => shown.get(uri.toString()) ?? [];

/** Keeps the problems of open configs up to date while they are edited. */
export function watchConfigs(onError: (error: unknown) => void): vscode.Disposable {
  const collection = vscode.languages.createDiagnosticCollection('voco');
  const timers = new Map<string, NodeJS.Timeout>();

  function show(document: vscode.TextDocument, found: readonly Diagnostic[]): void {
    const problems = toProblems(document, found);
    shown.set(document.uri.toString(), problems);
    collection.set(document.uri, problems);
  }

  async function update(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const current = (): boolean => document.version === version && !document.isClosed;
    const quick = await quickDiagnostics(document, {});
    // The disk mostly answers at once: what it said before stays until then, so that nothing flickers.
    const early = setTimeout(() => current() && show(document, quick), DISK_DELAY_MS);
    const slow = await diskDiagnostics(document)
      .catch((error: unknown) => {
        onError(error);
        return [];
      })
      .finally(() => clearTimeout(early));
    if (current()) show(document, [...quick, ...slow]);
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
      shown.delete(document.uri.toString());
      collection.delete(document.uri);
    }),
    // Back from another file, the data may have changed.
    vscode.window.onDidChangeActiveTextEditor((editor) => editor && schedule(editor.document, 0)),
  ];
  for (const document of vscode.workspace.textDocuments) schedule(document, 0);
  return new vscode.Disposable(() => {
    for (const timer of timers.values()) clearTimeout(timer);
    vscode.Disposable.from(collection, lintThread, ...subscriptions).dispose();
  });
}
