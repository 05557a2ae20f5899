import { expect, it } from 'vitest';
import { connect, serve } from '../../../src/rpc';
import { mainPart, pageTransport, partOf, webviewTransport, type MessagePort } from '../../../src/rpc/page';
import { eventually } from '../../support/eventually';

/** A webview: what the host sees of it, and what the page in it sees of the editor. */
function webview() {
  const listeners = new Set<(message: unknown) => void>();
  const inPage: ((event: { data: unknown }) => void)[] = [];
  const toPage: unknown[] = [];
  const port: MessagePort = {
    postMessage(message) {
      toPage.push(message);
      for (const listener of inPage) listener({ data: message });
      return Promise.resolve(true);
    },
    onDidReceiveMessage(listener) {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
  const api = { postMessage: (message: unknown) => listeners.forEach((listener) => listener(message)) };
  const page = {
    addEventListener: (_: 'message', listener: (event: { data: unknown }) => void) => inPage.push(listener),
  };
  return { port, toPage, listeners, connectPage: () => pageTransport(api, page) };
}

interface Named {
  name: { params: null; result: string };
}

const named = (name: string) => ({ name: () => name });

it('a page asks its host, and hears events once it has asked', async () => {
  const { port, toPage, listeners, connectPage } = webview();
  const transport = webviewTransport(port);
  const server = serve<Named, { changed: number }>(named('host'), transport);
  const page = connect<Named, { changed: number }>(connectPage());
  const heard: number[] = [];
  page.on('changed', (value) => heard.push(value));
  server.send('changed', 1);
  expect(toPage).toEqual([]);
  expect(await page.call('name', null)).toBe('host');
  server.send('changed', 2);
  expect(heard).toEqual([2]);
  await transport.close();
  expect(listeners.size).toBe(0);
});

it('the parts of a page have conversations of their own', async () => {
  const { port, connectPage } = webview();
  serve<Named>(named('main'), webviewTransport(mainPart(port)));
  const cases = serve<Named, { changed: number }>(named('cases'), webviewTransport(partOf(port, 'cases')));
  const page = connect<Record<string, { params: null; result: string }>, Record<string, number>>(connectPage());
  const heard: [string, number][] = [];
  for (const event of ['changed', 'cases/changed']) page.on(event, (value) => heard.push([event, value]));
  expect(await page.call('name', null)).toBe('main');
  expect(await page.call('cases/name', null)).toBe('cases');
  await expect(page.call('positions/name', null, { timeoutMs: 20 })).rejects.toThrow(/no answer/);
  cases.send('changed', 3);
  expect(heard).toEqual([['cases/changed', 3]]);
});

it('a call to a part of a page can be cancelled', async () => {
  const { port, connectPage } = webview();
  let signal: AbortSignal | undefined;
  const wait = (_: null, context: { signal: AbortSignal }) => {
    signal = context.signal;
    return new Promise<string>(() => undefined);
  };
  serve<Named>(named('main'), webviewTransport(mainPart(port)));
  serve<Named>({ name: wait }, webviewTransport(partOf(port, 'cases')));
  const page = connect<Record<string, { params: null; result: string }>>(connectPage());
  const controller = new AbortController();
  const call = expect(page.call('cases/name', null, { signal: controller.signal })).rejects.toThrow(/abort/);
  await eventually(() => expect(signal).toBeDefined());
  controller.abort();
  await call;
  expect(signal!.aborted).toBe(true);
});
