/** Types of build.mjs, for the tests. */
export function sourceFiles(folder?: string): string[];
export function sourceHash(folder?: string): string;
export function buildState(folder?: string): 'missing' | 'unknown' | 'current' | 'stale';
export function canBuild(): boolean;
export function buildNative(options?: { stdio?: 'inherit' | 'pipe'; args?: string[] }): { ok: boolean; output: string };
