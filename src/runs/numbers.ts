/** JSON has no NaN and no infinities: they travel as texts. */
export function encodeNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

const NON_FINITE = new Map<unknown, number>([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

export function decodeNumber(value: unknown): unknown {
  return NON_FINITE.get(value) ?? value;
}
