import { buildState } from '../../native/build.mjs';

/** An engine that was built from other sources would be tested in place of the one that stands in the checkout. */
export default function setup(): void {
  const state = buildState();
  if (state === 'stale') throw new Error('the native engine is older than its sources: run `npm run build:native`');
  if (state === 'unknown')
    console.warn('what the native engine was built from is not known: run `npm run build:native`');
}
