/**
 * One way to call a thread, a process or a page. This file needs neither Node nor a browser; transports are in `threads`,
 * `lines` and `page`.
 */
export { connect, TimeoutError, type CallOptions, type Client } from './client';
export { spread, type CallContext, type Calls, type CallsOf, type Events, type Methods } from './contract';
export { RemoteError } from './errors';
export type { Progress } from './messages';
export { OnDemand } from './onDemand';
export { serve, type ServeOptions, type Server } from './server';
export { ClosedError, type Transport } from './transport';
