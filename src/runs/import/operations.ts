import { OBJECT_ITEMS, plainInteger, type Machine } from './machine';
import { Opaque } from './values';

type Operation = (machine: Machine) => void;

function integerText(machine: Machine, text: string): unknown {
  if (!/^[+-]?\d{1,600}$/.test(text)) machine.fail('its pickle has an invalid number');
  return plainInteger(BigInt(text));
}

/** `I`: an integer, or a truth value as protocol 0 writes it. */
function intLine(machine: Machine): void {
  const text = machine.line();
  if (text === '00' || text === '01') machine.push(text === '01');
  else machine.push(integerText(machine, text));
}

function floatLine(machine: Machine): void {
  const text = machine.line();
  const special: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: NaN };
  const value = special[text] ?? Number(text);
  if (text.trim() === '' || (Number.isNaN(value) && text !== 'nan')) machine.fail('its pickle has an invalid number');
  machine.push(value);
}

/** A quoted text of protocol 0; escapes are kept as they stand, since only names matter here. */
function stringLine(machine: Machine): void {
  const quoted = /^(['"])(.*)\1$/s.exec(machine.line());
  if (!quoted) machine.fail('its pickle has a text without quotes');
  machine.push(quoted[2]);
}

const pairs = (machine: Machine, items: readonly unknown[]): [unknown, unknown][] => {
  if (items.length % 2 !== 0) machine.fail('its pickle has a key without a value');
  return Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]);
};

/** Items of a dict, or of an object that stands for one and keeps nothing. */
function setItems(machine: Machine, items: readonly unknown[]): void {
  const target = machine.top();
  if (target instanceof Map) for (const [key, value] of pairs(machine, items)) target.set(key, value);
  else if (!(target instanceof Opaque)) machine.fail('its pickle sets items of something that has none');
}

function append(machine: Machine, items: readonly unknown[]): void {
  const target = machine.top();
  if (Array.isArray(target)) for (const item of items) target.push(item);
  else if (!(target instanceof Opaque)) machine.fail('its pickle appends to something that is no list');
}

/** The state of an object: nothing is kept of it, neither a placeholder's nor the attributes of an OrderedDict. */
function build(machine: Machine): void {
  machine.pop();
  machine.top();
}

function call(machine: Machine): void {
  const args = machine.pop();
  machine.push(machine.make(machine.pop(), args));
}

/** Pushes what takes more memory than an item of a list. */
function object(machine: Machine, value: unknown): void {
  machine.work.spend(OBJECT_ITEMS);
  machine.push(value);
}

const popTuple =
  (count: number): Operation =>
  (machine) => {
    const items = Array.from({ length: count }, () => machine.pop());
    machine.push(items.reverse());
  };

const refused =
  (what: string): Operation =>
  (machine) =>
    machine.fail(`its pickle uses ${what}, which PyTorch does not write`);

const char = (letter: string): number => letter.charCodeAt(0);

/** Protocols 0 and 1. */
const classic: [string, Operation][] = [
  ['(', (m) => m.mark()],
  ['.', (m) => (m.result = { value: m.pop() })],
  ['0', (m) => m.popOrUnmark()],
  ['1', (m) => m.popMark()],
  ['2', (m) => m.push(m.top())],
  ['F', floatLine],
  ['I', intLine],
  ['J', (m) => m.push(m.i32())],
  ['K', (m) => m.push(m.u8())],
  ['L', (m) => m.push(integerText(m, m.line().replace(/L$/, '')))],
  ['M', (m) => m.push(m.u16())],
  ['N', (m) => m.push(null)],
  ['P', (m) => m.push(m.hooks.persistent(m.line()))],
  ['Q', (m) => m.push(m.hooks.persistent(m.pop()))],
  ['R', call],
  ['S', stringLine],
  ['T', (m) => m.push(m.text(m.u32()))],
  ['U', (m) => m.push(m.text(m.u8()))],
  ['V', (m) => m.push(m.line())],
  ['X', (m) => m.push(m.text(m.u32()))],
  ['B', (m) => object(m, m.take(m.u32()))],
  ['C', (m) => object(m, m.take(m.u8()))],
  ['a', (m) => append(m, [m.pop()])],
  ['e', (m) => append(m, m.popMark())],
  ['b', build],
  ['c', (m) => m.push(m.global(m.line(), m.line()))],
  ['d', (m) => object(m, new Map(pairs(m, m.popMark())))],
  ['}', (m) => object(m, new Map())],
  ['g', (m) => m.recall(Number(m.line()))],
  ['h', (m) => m.recall(m.u8())],
  ['j', (m) => m.recall(m.u32())],
  ['i', (m) => m.push(m.make(m.global(m.line(), m.line()), m.popMark()))],
  ['o', makeObject],
  ['l', (m) => m.push(m.popMark())],
  [']', (m) => m.push([])],
  ['p', (m) => m.memo.set(Number(m.line()), m.top())],
  ['q', (m) => m.memo.set(m.u8(), m.top())],
  ['r', (m) => m.memo.set(m.u32(), m.top())],
  ['s', (m) => setItems(m, [m.pop(), m.pop()].reverse())],
  ['u', (m) => setItems(m, m.popMark())],
  ['t', (m) => m.push(m.popMark())],
  [')', (m) => m.push([])],
  ['G', (m) => m.push(m.f64())],
];

/** `o` of protocol 1: the class and its arguments since the mark. */
function makeObject(machine: Machine): void {
  const [callee, ...args] = machine.popMark();
  machine.push(machine.make(callee, args));
}

function newObjectEx(machine: Machine): void {
  machine.pop();
  call(machine);
}

function stackGlobal(machine: Machine): void {
  const name = machine.pop();
  machine.push(machine.global(machine.pop(), name));
}

/** Protocols 2 to 5. */
const newer: [number, Operation][] = [
  [0x80, (m) => m.u8() > 5 && m.fail('its pickle has an unknown protocol')],
  [0x81, call],
  [0x82, refused('the extension registry')],
  [0x83, refused('the extension registry')],
  [0x84, refused('the extension registry')],
  [0x85, popTuple(1)],
  [0x86, popTuple(2)],
  [0x87, popTuple(3)],
  [0x88, (m) => m.push(true)],
  [0x89, (m) => m.push(false)],
  [0x8a, (m) => m.push(m.integer(m.u8()))],
  [0x8b, (m) => m.push(m.integer(m.u32()))],
  [0x8c, (m) => m.push(m.text(m.u8()))],
  [0x8d, (m) => m.push(m.text(m.u64()))],
  [0x8e, (m) => object(m, m.take(m.u64()))],
  [0x8f, (m) => m.push([])],
  [0x90, (m) => append(m, m.popMark())],
  [0x91, (m) => m.push(m.popMark())],
  [0x92, newObjectEx],
  [0x93, stackGlobal],
  [0x94, (m) => m.memo.set(m.memo.size, m.top())],
  // Frames only help a reader that reads ahead.
  [0x95, (m) => m.u64()],
  [0x96, (m) => object(m, m.take(m.u64()))],
  [0x97, refused('buffers outside it')],
  [0x98, refused('buffers outside it')],
];

/** What each operation of a pickle does. Tuples, lists and sets are arrays, dicts are maps. */
export const OPERATIONS: ReadonlyMap<number, Operation> = new Map([
  ...classic.map(([letter, operation]): [number, Operation] => [char(letter), operation]),
  ...newer,
]);
