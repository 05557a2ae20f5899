import { isRecord } from './messages';
import { ClosedError, type Transport } from './transport';

/** The part of `vscode.Webview` that messages need. */
export interface MessagePort {
  postMessage(message: unknown): PromiseLike<boolean>;
  onDidReceiveMessage(listener: (message: unknown) => void): { dispose(): void };
}

/**
 * The way from the extension host to a page. What is sent before the page has said anything is dropped: it asks for everything
 * once it can hear.
 */
export function webviewTransport(port: MessagePort): Transport {
  let ready = false;
  let subscription: { dispose(): void } | undefined;
  let tell: ((reason: Error) => void) | undefined;
  return {
    send(message) {
      if (ready) void port.postMessage(message);
    },
    onMessage(listener) {
      subscription = port.onDidReceiveMessage((message) => {
        ready = true;
        listener(message);
      });
    },
    onClose: (listener) => void (tell = listener),
    close() {
      subscription?.dispose();
      tell?.(new ClosedError('the page was closed'));
      tell = undefined;
    },
  };
}

/** What a page has of the editor around it (`acquireVsCodeApi`). */
export interface EditorApi {
  postMessage(message: unknown): void;
}

/** The part of `window` that messages need. */
export interface PageWindow {
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** The way from a page to the extension host, which is there for as long as the page is. */
export function pageTransport(api: EditorApi, page: PageWindow): Transport {
  return {
    send: (message) => api.postMessage(message),
    onMessage: (listener) => page.addEventListener('message', ({ data }) => listener(data)),
    onClose: () => undefined,
    close: () => undefined,
  };
}

const SEPARATOR = '/';

/** What a message is about: the method of a call, else the name of an event. */
function nameOf(message: unknown, key: 'method' | 'event'): string | undefined {
  const name = isRecord(message) ? message[key] : undefined;
  return typeof name === 'string' ? name : undefined;
}

/** Only the messages of a port that belong to no part of the page: their names have no part's in front. */
export function mainPart(port: MessagePort): MessagePort {
  return {
    postMessage: (message) => port.postMessage(message),
    onDidReceiveMessage: (listener) =>
      port.onDidReceiveMessage((message) => {
        if (!nameOf(message, 'method')?.includes(SEPARATOR)) listener(message);
      }),
  };
}

/** A part of a page that has a contract of its own: names of calls and events have the part's in front, `cases/slices`. */
export function partOf(port: MessagePort, part: string): MessagePort {
  const prefix = part + SEPARATOR;
  return {
    postMessage(message) {
      const event = nameOf(message, 'event');
      return port.postMessage(event === undefined ? message : { ...(message as object), event: prefix + event });
    },
    onDidReceiveMessage: (listener) =>
      port.onDidReceiveMessage((message) => {
        const method = nameOf(message, 'method');
        if (method === undefined) listener(message);
        else if (method.startsWith(prefix)) listener({ ...(message as object), method: method.slice(prefix.length) });
      }),
  };
}
