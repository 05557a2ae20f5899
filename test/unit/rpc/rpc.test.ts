import { describe, expect, it, vi } from 'vitest';
import { UsageError, UserError } from '../../../src/errors/userError';
import {
  ClosedError,
  connect,
  OnDemand,
  RemoteError,
  serve,
  spread,
  TimeoutError,
  type CallContext,
  type CallsOf,
  type ServeOptions,
} from '../../../src/rpc';
import { pair } from './transports';
import { eventually } from '../../support/eventually';

interface TestCalls {
  twice: { params: number; result: number };
  fail: { params: 'user' | 'usage' | 'defect' | 'text'; result: never };
  wait: { params: null; result: string };
  count: { params: number; result: string };
  function: { params: null; result: unknown };
  room: { params: { buffer: ArrayBuffer }; result: Float32Array };
}

function defectOfOurs(): never {
  throw new TypeError('x is undefined');
}

/** A client and the server that answers it; `release` lets the oldest call of `wait` end. */
function connected(options: ServeOptions = {}) {
  const [client, server] = pair();
  const started: CallContext[] = [];
  const releases: ((value: string) => void)[] = [];
  const served = serve<TestCalls, { news: string }>(
    {
      twice: (value) => 2 * value,
      fail: (kind) => {
        if (kind === 'user') throw new UserError('x.nii: is not there', 7);
        if (kind === 'usage') throw new UsageError('--x is wrong');
        if (kind === 'text') throw 'a text';
        return defectOfOurs();
      },
      wait: (_, context) =>
        new Promise((resolve, reject) => {
          started.push(context);
          releases.push(resolve);
          context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
        }),
      count: (total, { onProgress }) => {
        for (let done = 1; done <= total; done++) onProgress(done, total);
        return `counted to ${total}`;
      },
      function: () => () => 1,
      room: ({ buffer }) => new Float32Array(buffer).fill(3),
    },
    server,
    options,
  );
  const asks = connect<TestCalls, { news: string }>(client);
  return { asks, served, started, release: (value: string) => releases.shift()!(value), client, server };
}

describe('a call', () => {
  it('gets its own answer among many', async () => {
    const { asks } = connected();
    const numbers = Array.from({ length: 500 }, (_, i) => i);
    expect(await Promise.all(numbers.map((n) => asks.call('twice', n)))).toEqual(numbers.map((n) => 2 * n));
  });

  it('gets errors as they were thrown: those of users with their class, others with the stack they had', async () => {
    const onDefect = vi.fn();
    const { asks } = connected({ onDefect });
    const errorOf = (kind: TestCalls['fail']['params']) => asks.call('fail', kind).catch((error: unknown) => error);
    const [user, usage, defect, text] = await Promise.all([
      errorOf('user'),
      errorOf('usage'),
      errorOf('defect'),
      errorOf('text'),
    ]);
    expect(user).toBeInstanceOf(UserError);
    expect(user).toMatchObject({ message: 'x.nii: is not there', exitCode: 7 });
    expect(usage).toBeInstanceOf(UsageError);
    expect(defect).toBeInstanceOf(RemoteError);
    expect(defect).not.toBeInstanceOf(UserError);
    expect((defect as Error).stack).toContain('defectOfOurs');
    expect(text).toMatchObject({ name: 'RemoteError', message: 'a text' });
    expect(onDefect.mock.calls.map(([error]) => String(error))).toEqual(['TypeError: x is undefined', 'a text']);
  });

  it('of a method that is not there, and an answer that cannot be sent, are errors', async () => {
    const { asks } = connected();
    await expect(asks.call('gone' as 'twice', 1)).rejects.toThrow(/no method "gone"; there are twice, fail/);
    await expect(asks.call('toString' as 'twice', 1)).rejects.toThrow(/no method/);
    await expect(asks.call('function', null)).rejects.toThrow(/could not be cloned/);
    await expect(asks.call('twice', (() => 1) as never)).rejects.toThrow(/could not be cloned/);
    expect(await asks.call('twice', 4)).toBe(8);
  });

  it('moves buffers both ways', async () => {
    const buffersIn = (value: unknown) => (value instanceof Float32Array ? [value.buffer as ArrayBuffer] : []);
    const { asks } = connected({ buffersIn });
    const buffer = new ArrayBuffer(16);
    const answer = await asks.call('room', { buffer }, { transfer: [buffer] });
    expect([...answer]).toEqual([3, 3, 3, 3]);
    expect(buffer.byteLength).toBe(0);
  });

  it('tells its progress, seldom, but the end always', async () => {
    const { asks } = connected();
    const told: number[] = [];
    const options = { onProgress: ({ done }: { done: number }) => told.push(done) };
    expect(await asks.call('count', 10_000, options)).toBe('counted to 10000');
    expect(told[0]).toBe(1);
    expect(told.at(-1)).toBe(10_000);
    expect(told.length).toBeLessThan(100);
  });

  it('tells only the first and the last of it to a side that does not keep up', async () => {
    const { asks, server } = connected();
    Object.assign(server, { congested: true });
    const told: number[] = [];
    await asks.call('count', 50, { onProgress: ({ done }) => told.push(done) });
    expect(told).toEqual([50]);
  });
});

describe('cancelling', () => {
  it('rejects at once with the reason, and aborts the work', async () => {
    const { asks, started } = connected();
    const controller = new AbortController();
    const call = expect(asks.call('wait', null, { signal: controller.signal })).rejects.toThrow('another question');
    await eventually(() => expect(started).toHaveLength(1));
    controller.abort(new Error('another question'));
    await call;
    await eventually(() => expect(started[0]!.signal.aborted).toBe(true));
    expect(await asks.call('twice', 1)).toBe(2);
  });

  it('before the call sends nothing', async () => {
    const { asks, server } = connected();
    await expect(asks.call('wait', null, { signal: AbortSignal.abort(new Error('no more')) })).rejects.toThrow(
      'no more',
    );
    await asks.call('twice', 1);
    expect(server.heard).toHaveLength(1);
  });

  it('happens by itself when no answer comes in time', async () => {
    const { asks, started } = connected();
    const error: unknown = await asks.call('wait', null, { timeoutMs: 20 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error).toMatchObject({ timeoutMs: 20 });
    await eventually(() => expect(started[0]!.signal.aborted).toBe(true));
  });

  it('takes a call out of the line that has not begun', async () => {
    const { asks, started, release, client } = connected({ atOnce: 1 });
    const first = asks.call('wait', null);
    const controller = new AbortController();
    const second = expect(asks.call('wait', null, { signal: controller.signal })).rejects.toThrow(/abort/);
    const third = asks.call('wait', null);
    await eventually(() => expect(started).toHaveLength(1));
    controller.abort();
    await second;
    await eventually(() => expect(client.heard).toContainEqual(expect.objectContaining({ id: 2, ok: false })));
    release('one');
    expect(await first).toBe('one');
    await eventually(() => expect(started).toHaveLength(2));
    release('three');
    expect(await third).toBe('three');
  });
});

describe('one call at once', () => {
  it('lets the others wait, in order', async () => {
    const { asks, started, release } = connected({ atOnce: 1 });
    const order: string[] = [];
    const calls = ['a', 'b', 'c'].map((name) => asks.call('wait', null).then((value) => order.push(name + value)));
    for (const n of [1, 2, 3]) {
      await eventually(() => expect(started).toHaveLength(n));
      // Whoever had been let in too early would be here by now.
      await asks.call('twice' as 'wait', null, { timeoutMs: 20 }).catch(() => undefined);
      expect(started).toHaveLength(n);
      release(String(n));
    }
    await Promise.all(calls);
    expect(order).toEqual(['a1', 'b2', 'c3']);
  });
});

describe('closing', () => {
  it('rejects the calls that wait and those that come later, and aborts the work', async () => {
    const { asks, started } = connected();
    const calls = [1, 2].map(() => expect(asks.call('wait', null)).rejects.toThrow(ClosedError));
    await eventually(() => expect(started).toHaveLength(2));
    await Promise.all([asks.close(), ...calls]);
    await expect(asks.call('twice', 1)).rejects.toThrow(ClosedError);
    expect(started.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  });

  it('by the other side rejects with its reason', async () => {
    const { asks, started, server } = connected();
    const call = expect(asks.call('wait', null)).rejects.toThrow('closed by one side');
    await eventually(() => expect(started).toHaveLength(1));
    await Promise.all([server.close(), call]);
  });

  it('waits until what was being answered has stopped', async () => {
    const { asks, served, started } = connected();
    const call = asks.call('wait', null).catch((error: unknown) => String(error));
    await eventually(() => expect(started).toHaveLength(1));
    await served.stop();
    expect(await call).toMatch(/abort/);
  });
});

describe('events and messages that are no calls', () => {
  it('events reach every listener', async () => {
    const { asks, served } = connected();
    const heard: string[] = [];
    asks.on('news', (value) => heard.push(`one ${value}`));
    asks.on('news', (value) => heard.push(`two ${value}`));
    served.send('news', 'x');
    await eventually(() => expect(heard).toEqual(['one x', 'two x']));
  });

  it('a server refuses what is no call, and an id that is in use', async () => {
    const { client, started } = connected();
    for (const message of ['hello', 7, [1], { method: 'twice' }, { id: 1, method: 'wait', params: null }])
      client.send(message);
    await eventually(() => expect(started).toHaveLength(1));
    client.send({ id: 1, method: 'wait', params: null });
    await eventually(() => expect(client.heard).toHaveLength(5));
    const messages = client.heard.map((answer) => (answer as { error: { message: string } }).error.message);
    expect(messages.slice(0, 3)).toEqual(['not a call: "hello"', 'not a call: 7', 'not a call: [1]']);
    expect(messages.slice(3)).toEqual([
      'a call needs a number as its id',
      'a call with the id 1 is still being answered',
    ]);
  });
});

describe('a side that is started on demand', () => {
  it('is started by the first call, and again after it has gone, not before', async () => {
    const servers: { close(): void | Promise<void> }[] = [];
    const demanded = new OnDemand<Pick<TestCalls, 'twice'>>(() => {
      const [client, server] = pair();
      serve<Pick<TestCalls, 'twice'>>({ twice: (value) => 2 * value }, server);
      servers.push(server);
      return client;
    });
    expect(servers).toHaveLength(0);
    expect(await Promise.all([demanded.call('twice', 1), demanded.call('twice', 2)])).toEqual([2, 4]);
    expect(servers).toHaveLength(1);
    await servers[0]!.close();
    expect(await demanded.call('twice', 3)).toBe(6);
    expect(servers).toHaveLength(2);
    await demanded.close();
    await expect(demanded.call('twice', 4)).rejects.toThrow(ClosedError);
  });

  it('is tried again when it could not be started', async () => {
    let tries = 0;
    const demanded = new OnDemand<TestCalls>(() => {
      tries += 1;
      throw new UserError('no such program');
    });
    await expect(demanded.call('twice', 1)).rejects.toThrow('no such program');
    await expect(demanded.call('twice', 1)).rejects.toThrow(UserError);
    expect(tries).toBe(2);
  });
});

it('methods that take their parameters in order are called with a list', async () => {
  const [client, server] = pair();
  const methods = { join: (a: string, b: string, c = '!') => Promise.resolve(a + b + c), none: () => 5 };
  serve<CallsOf<typeof methods>>(spread(methods), server);
  const asks = connect<CallsOf<typeof methods>>(client);
  expect(await asks.call('join', ['a', 'b'])).toBe('ab!');
  expect(await asks.call('join', ['a', 'b', 'c'])).toBe('abc');
  expect(await asks.call('none', [])).toBe(5);
});
