// Memory of running processes in MB, as Linux tells it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function read(pid, what) {
  try {
    return readFileSync(`/proc/${pid}/${what}`, 'utf8');
  } catch {
    // It has ended.
    return '';
  }
}

const parentOf = (pid) => Number(/^PPid:\s*(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0);

function descendsFrom(pid, ancestor) {
  for (let at = Number(pid); at > 1; at = parentOf(at)) if (at === ancestor) return true;
  return false;
}

function find(ancestor, words) {
  return processes().filter((pid) => read(pid, 'cmdline').includes(words) && descendsFrom(pid, ancestor));
}

const field = (pid, name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(read(pid, 'status'))?.[1] ?? 0) / 1024;

/** Resident set now. */
export const residentOf = (pid) => Math.round(field(pid, 'VmRSS'));
/** Largest resident set since {@link startPeak}. */
export const peakOf = (pid) => Math.round(field(pid, 'VmHWM'));
export const startPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');
/** The extension host of a workbench's server. */
export const extensionHostOf = (server) => find(server, '--type=extensionHost')[0];
/** The page processes of a browser that this process started. */
export const renderersOf = (ancestor) => find(ancestor, '--type=renderer');
