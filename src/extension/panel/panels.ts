import * as vscode from 'vscode';
import type { PanelPage } from './page';

/** An open panel of a kind. */
export interface OpenPanel<Argument> {
  readonly page: PanelPage;
  /** Whether it is the one that shows this; a panel that is the only one of its kind shows everything. */
  shows(argument: Argument): boolean;
  /** It was asked for once more: it comes to the front and follows. */
  again(argument: Argument): void;
}

/** One kind of panel. */
export interface PanelKind<Argument, State> {
  readonly viewType: string;
  readonly title: string;
  /** Where a new one opens. */
  where(): vscode.ViewColumn | { readonly viewColumn: vscode.ViewColumn; readonly preserveFocus?: boolean };
  make(panel: vscode.WebviewPanel, argument: Argument): OpenPanel<Argument>;
  /** What a panel of a window that was reloaded showed, by what its page remembers; undefined closes it. */
  restore(state: State | undefined): Argument | undefined;
}

/** The open panels of one kind. A reloaded window restores them. */
export class Panels<Argument, State> implements vscode.WebviewPanelSerializer<State> {
  private readonly open = new Set<OpenPanel<Argument>>();
  private readonly registration: vscode.Disposable;

  constructor(private readonly kind: PanelKind<Argument, State>) {
    this.registration = vscode.window.registerWebviewPanelSerializer(kind.viewType, this);
  }

  /** Shows something in the panel that shows it already, or in a new one. */
  show(argument: Argument): void {
    const known = [...this.open].find((panel) => panel.shows(argument));
    if (known) return known.again(argument);
    const { viewType, title } = this.kind;
    this.attach(vscode.window.createWebviewPanel(viewType, title, this.kind.where()), argument);
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: State | undefined): Promise<void> {
    const argument = this.kind.restore(state);
    if (argument === undefined) panel.dispose();
    else this.attach(panel, argument);
    return Promise.resolve();
  }

  dispose(): void {
    this.registration.dispose();
  }

  private attach(panel: vscode.WebviewPanel, argument: Argument): void {
    const made = this.kind.make(panel, argument);
    this.open.add(made);
    panel.onDidDispose(() => this.open.delete(made));
  }
}

/** Beside the file that is edited, where there is one. */
export const besideEditor = (): vscode.ViewColumn =>
  vscode.window.activeTextEditor ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
