import type { CallMessage, EventMessage } from '../../protocol/panel';
import type { MessagePort } from './panelServer';

const SEPARATOR = '/';

const methodOf = (message: unknown): string => {
  const { type, method } = (message ?? {}) as Partial<CallMessage>;
  return type === 'call' && typeof method === 'string' ? method : '';
};

/** Only the messages of a port whose names have no channel in front. */
export function mainChannel(port: MessagePort): MessagePort {
  return {
    postMessage: (message) => port.postMessage(message),
    onDidReceiveMessage: (listener) =>
      port.onDidReceiveMessage((message) => {
        if (!methodOf(message).includes(SEPARATOR)) listener(message);
      }),
  };
}

/** A part of a page that has a contract of its own: names of calls and events have the channel's in front, `cases/slices`. */
export function channelOf(port: MessagePort, name: string): MessagePort {
  const prefix = name + SEPARATOR;
  return {
    postMessage(message) {
      const event = message as EventMessage;
      return port.postMessage(event.type === 'event' ? { ...event, name: prefix + event.name } : message);
    },
    onDidReceiveMessage: (listener) =>
      port.onDidReceiveMessage((message) => {
        const method = methodOf(message);
        if (method.startsWith(prefix)) listener({ ...(message as CallMessage), method: method.slice(prefix.length) });
      }),
  };
}
