import * as vscode from 'vscode';

/** The steps of the walkthrough (package.json), each done by doing it. */
export type WalkthroughStep = 'data' | 'look' | 'config' | 'check' | 'crops' | 'pretrain' | 'watch' | 'results';

const MEMORY = 'voco.walkthrough';

/**
 * Ticks the steps of the walkthrough. VS Code ticks a step when its context key changes, but drops for the whole session those
 * that are set before it has loaded any walkthrough: what was done before is told once more, by a second key, when ours opens.
 */
export class Walkthrough implements vscode.Disposable {
  private readonly listener: vscode.Disposable;

  constructor(private readonly context: vscode.ExtensionContext) {
    const { displayName, contributes } = context.extension.packageJSON as {
      displayName: string;
      contributes: { walkthroughs: { title: string }[] };
    };
    const titles = ['Welcome', 'Walkthrough', displayName, ...contributes.walkthroughs.map(({ title }) => title)];
    const isOurs = (tab: vscode.Tab): boolean =>
      tab.input === undefined && titles.some((title) => tab.label.includes(title));
    this.listener = vscode.window.tabGroups.onDidChangeTabs(({ opened, changed }) => {
      if ([...opened, ...changed].some(isOurs)) this.tellAgain();
    });
  }

  /** Marks a step as done, for good. */
  done(step: WalkthroughStep): void {
    set(`voco.done.${step}`);
    const before = this.doneBefore();
    if (!before.includes(step)) void this.context.globalState.update(MEMORY, [...before, step]);
  }

  dispose(): void {
    this.listener.dispose();
  }

  private doneBefore(): readonly string[] {
    return this.context.globalState.get<string[]>(MEMORY, []);
  }

  private tellAgain(): void {
    this.listener.dispose();
    for (const step of this.doneBefore()) set(`voco.doneBefore.${step}`);
  }
}

function set(key: string): void {
  void vscode.commands.executeCommand('setContext', key, true);
}
