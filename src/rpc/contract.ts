/** What one side asks of another: each call's parameters and result. */
export type Calls<C> = { readonly [N in keyof C]: { readonly params: unknown; readonly result: unknown } };

/** Events that it receives without a call. */
export type Events = Readonly<Record<string, unknown>>;

type Method = (...params: never[]) => unknown;

/** The calls of methods that take their parameters in order; these become a list. */
export type CallsOf<M> = {
  readonly [N in keyof M]: {
    readonly params: M[N] extends (...params: infer P) => unknown ? P : never;
    readonly result: M[N] extends (...params: never[]) => infer R ? Awaited<R> : never;
  };
};

/** How a call is watched while it is answered. */
export interface CallContext {
  /** Aborted when the call is cancelled, or nobody is there any more to hear the answer. */
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** The methods that answer the calls of a contract; what one throws goes back as the answer. */
export type Methods<C extends Calls<C>> = {
  readonly [N in keyof C]: (params: C[N]['params'], context: CallContext) => C[N]['result'] | Promise<C[N]['result']>;
};

/** Methods that take their parameters in order, as they answer calls. */
export function spread<M extends { [N in keyof M]: Method }>(methods: M): Methods<CallsOf<M>> {
  const entries = Object.entries(methods as Record<string, Method>);
  const served = entries.map(([name, method]) => [name, (params: never[]) => method(...params)]);
  return Object.fromEntries(served) as unknown as Methods<CallsOf<M>>;
}
