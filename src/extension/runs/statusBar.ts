import * as vscode from 'vscode';
import type { RunSummary } from '../../jobs/runSummary';
import type { RunKind } from '../../runs/runDirectory';
import { withoutIcons } from '../../text';
import type { Services } from '../services';
import { activityOf, describeRun, percent } from '../../jobs/runText';

function textOf(run: RunSummary, others: number): string {
  const more = others > 0 ? ` +${others}` : '';
  if (run.phase === 'paused') return `$(debug-pause) VoCo ${percent(run)}%${more}`;
  const doing = activityOf(run);
  const at = doing === undefined ? '' : ` · ${withoutIcons(doing)}`;
  if (run.phase === 'running') return `$(sync~spin) VoCo ${percent(run)}%${at}${more}`;
  return `$(loading~spin) VoCo: ${run.phase}${at}${more}`;
}

/** What a click shows of a run. */
const LOOKS: Record<RunKind, readonly [command: string, title: string]> = {
  pretrain: ['voco.showCurves', 'Show Loss Curves'],
  finetune: ['voco.showCurves', 'Show Loss Curves'],
  evaluate: ['voco.showResults', 'Show Results'],
  segment: ['voco.showLog', 'Show Log'],
  study: ['voco.showResults', 'Show Results'],
};

/** Progress of the active run; there only while one is alive. */
export function createStatusBar({ registry }: Services): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('voco.status', vscode.StatusBarAlignment.Left, 50);
  item.name = 'VoCo';
  const update = (): void => {
    const live = registry.runs.filter((run) => run.live);
    const [run] = live;
    if (!run) return item.hide();
    item.text = textOf(run, live.length - 1);
    item.tooltip = live.map((one) => `${one.label}: ${describeRun(one)}`).join('\n');
    item.accessibilityInformation = { label: `VoCo: ${describeRun(run)}`, role: 'button' };
    const [command, title] = LOOKS[run.state.kind];
    item.command = { command, title, arguments: [run.dir] };
    item.show();
  };
  return vscode.Disposable.from(item, registry.onDidChange(update));
}
