// A panel whose page is the test.
import { EventEmitter, Uri } from './values';

export class WebviewPanel {
  revealed = 0;
  disposed = false;
  iconPath: unknown;
  viewColumn = 1;
  /** What the page was told. */
  readonly sent: unknown[] = [];
  private readonly closed = new EventEmitter<void>();
  private readonly asked = new EventEmitter<unknown>();
  readonly onDidDispose = this.closed.event;
  readonly webview = {
    html: '',
    options: {} as unknown,
    cspSource: 'https://webview',
    asWebviewUri: (uri: Uri) => uri,
    onDidReceiveMessage: this.asked.event,
    postMessage: async (message: unknown) => {
      if (this.disposed) throw new Error('the webview is disposed');
      this.sent.push(message);
      return true;
    },
  };

  constructor(
    readonly viewType: string,
    public title: string,
  ) {}

  /** The page calls. */
  call(id: number, method: string, params: unknown): void {
    this.asked.fire({ type: 'call', id, method, params });
  }

  reveal(): void {
    this.revealed += 1;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.closed.fire();
  }
}
