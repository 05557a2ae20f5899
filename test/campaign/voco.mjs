import { spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';

export const VOCO = join(import.meta.dirname, '../../dist/voco.cjs');

/** The same numbers for a seed on every machine: mulberry32. Returns a function that draws from 0 to 1. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Starts the built `voco` in a folder.
 *
 * @returns the process, and how it ended: exit code, signal, what it printed, milliseconds
 */
export function start(args, { cwd, env = {}, before = [] }) {
  const [program, ...rest] = [...before, process.execPath, VOCO, ...args];
  const started = performance.now();
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (out = (out + text).slice(-200_000)));
  child.stderr.setEncoding('utf8').on('data', (text) => (error = (error + text).slice(-200_000)));
  const ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done({ code, signal, out, error, ms: performance.now() - started }));
  });
  return { child, ended };
}

/** Runs `voco` to its end. One that does not end in the limit is killed, which `signal` then tells. */
export async function voco(args, options) {
  const { child, ended } = start(args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.limit ?? 300_000);
  return ended.finally(() => clearTimeout(timer));
}

/** What a person must never read. */
export const INTERNAL = /internal error|\n\s+at .*[:(]\d|RangeError|TypeError|Unhandled/;

/** A fault with the last that the program said. */
export const lastWords = ({ code, signal, error }) => `${signal ?? `exit code ${code}`}: ${error.trim().slice(-500)}`;
