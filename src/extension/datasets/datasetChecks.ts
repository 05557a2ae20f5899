import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../errors/userError';
import { runTool, type Program, type ToolOptions } from '../../jobs/process';
import type { CheckReport, Severity } from '../../protocol/datasets';

const SEVERITIES: Record<Severity, vscode.DiagnosticSeverity> = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
};

function parseReport(output: string): CheckReport | undefined {
  try {
    const report = JSON.parse(output) as CheckReport;
    return Array.isArray(report.findings) ? report : undefined;
  } catch {
    return undefined;
  }
}

/** Checks the data of configs in a process of its own, and shows the findings in the Problems panel. */
export class DatasetChecks {
  private readonly problems = vscode.languages.createDiagnosticCollection('voco-data');
  private readonly reports = new Map<string, CheckReport>();
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  constructor(private readonly program: () => Promise<Program>) {}

  /** The last report on a config, if its data was checked in this window. */
  get(config: vscode.Uri): CheckReport | undefined {
    return this.reports.get(config.toString());
  }

  /** @throws UserError when the config is wrong or the check cannot run; AbortError when cancelled. */
  async check(config: vscode.Uri, options: Pick<ToolOptions, 'signal' | 'onMessage'>): Promise<CheckReport> {
    const args = ['check', config.fsPath, '--json'];
    const result = await runTool(await this.program(), args, { cwd: dirname(config.fsPath), ...options });
    // Exit code 1 with a report only says that there are errors in the data.
    const report = parseReport(result.output);
    if (!report) throw new UserError(result.messages.trim() || `the check ended with ${result.code ?? result.signal}`);
    this.reports.set(config.toString(), report);
    this.show();
    this.changed.fire();
    return report;
  }

  dispose(): void {
    this.problems.dispose();
    this.changed.dispose();
  }

  private show(): void {
    const byFile = new Map<string, vscode.Diagnostic[]>();
    for (const finding of [...this.reports.values()].flatMap((report) => report.findings)) {
      const text = finding.advice ? `${finding.message}. ${finding.advice}` : finding.message;
      const problem = new vscode.Diagnostic(new vscode.Range(0, 0, 0, 0), text, SEVERITIES[finding.severity]);
      problem.source = 'VoCo data check';
      const others = byFile.get(finding.file) ?? [];
      if (!others.some((other) => other.message === text)) byFile.set(finding.file, [...others, problem]);
    }
    this.problems.clear();
    for (const [file, list] of byFile) this.problems.set(vscode.Uri.file(file), list);
  }
}
