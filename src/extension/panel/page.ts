import * as vscode from 'vscode';
import type { PanelContract } from '../../protocol/panel';
import type { Services } from '../services';
import { panelPage, panelRoots, tabIcon, type PageOptions } from './html';
import { servePanel, type Handlers, type PanelServer } from './panelServer';
import type { MessagePort } from '../../rpc/page';

/** What a panel needs of the extension. */
export type PanelHost = Pick<Services, 'context' | 'log'>;

export interface PanelOptions extends PageOptions {
  /** Of the tab; what it was made with when absent. */
  readonly tabTitle?: string;
  /** Whether the tab has the extension's icon; an editor's tab has that of its file. */
  readonly icon?: boolean;
}

interface Part {
  dispose(): void;
}

/** An open panel or editor: its page, the server that answers the page, and all that ends with them. */
export class PanelPage {
  private readonly parts: Part[] = [];
  readonly onDefect: (error: unknown) => void;

  constructor(
    { context, log }: PanelHost,
    readonly panel: vscode.WebviewPanel,
    options: PanelOptions,
  ) {
    const { extensionUri } = context;
    const { webview } = panel;
    this.onDefect = (error) => log.error(String(error));
    webview.options = { enableScripts: true, localResourceRoots: panelRoots(extensionUri) };
    if (options.tabTitle !== undefined) panel.title = options.tabTitle;
    if (options.icon) panel.iconPath = tabIcon(extensionUri);
    panel.onDidDispose(() => {
      for (const part of this.parts) part.dispose();
    });
    webview.html = panelPage(webview, extensionUri, options);
  }

  /** Answers the page's calls. To be called in the turn in which the page is made: the page calls later. */
  serve<C extends PanelContract>(handlers: Handlers<C>, port: MessagePort = this.panel.webview): PanelServer<C> {
    return this.own(servePanel<C>(port, handlers, this.onDefect));
  }

  /** Ends a part with the panel. */
  own<P extends Part>(part: P): P {
    this.parts.push(part);
    return part;
  }
}
