import { printableLine } from '../text';
import { decodeNumber } from './numbers';

type Read = (value: unknown) => unknown;

const text: Read = (value) => (typeof value === 'string' ? value : undefined);
/** For texts that are shown and not looked up. */
const shown: Read = (value) => (typeof value === 'string' ? printableLine(value) : undefined);
const time: Read = (value) => (typeof value === 'string' && Number.isFinite(Date.parse(value)) ? value : undefined);
const count: Read = (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? value : undefined);
const number: Read = (value) => {
  const decoded = decodeNumber(value);
  return typeof decoded === 'number' ? decoded : undefined;
};
const list =
  (item: Read): Read =>
  (value) =>
    Array.isArray(value) && value.every((one) => item(one) !== undefined) ? value : undefined;
const record =
  (item: Read): Read =>
  (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const kept = Object.entries(value).flatMap(([name, one]) => (item(one) === undefined ? [] : [[name, one]]));
    return Object.fromEntries(kept) as unknown;
  };

const finite: Read = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);

/** What run.json may hold beyond what makes it a run, and how each is read. */
const FIELDS: Readonly<Record<string, Read>> = {
  name: shown,
  totalSteps: count,
  pid: (value) => (value === 0 ? undefined : count(value)),
  pidStart: text,
  host: shown,
  machine: text,
  started: time,
  ended: time,
  heartbeat: time,
  loss: number,
  heldOut: record(finite),
  skipped: count,
  device: shown,
  versions: record(text),
  control: text,
  exitReason: shown,
  initFrom: text,
  schedule: shown,
  resumedAt: list(count),
  configFile: text,
  changes: list(record((value) => value)),
  seal: text,
};

/**
 * The fields of a run.json that are what they should be. One of a wrong type is left out, as if it were not there: a damaged or
 * foreign file must not take down lists of runs. Fields that this version does not know are kept.
 */
export function readableFields(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(value).map(([name, one]): [string, unknown] => {
    const read = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    return [name, read ? read(one) : one];
  });
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined));
}
