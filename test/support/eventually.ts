import { vi } from 'vitest';

/** Waits until an assertion holds. Its limit is for a loaded machine: it is reached only where the assertion never holds. */
export function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { timeout: 120_000, interval: 5 });
}
