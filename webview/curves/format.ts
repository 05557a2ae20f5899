/** A step with its thousands apart: 250 000. */
export function formatStep(step: number): string {
  return Math.round(step).toLocaleString('en-US').replace(/,/g, '\u202f');
}

/** A value with a few significant digits, in powers of ten where that is shorter. */
export function formatValue(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'not a number';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(Math.max(0, Math.min(digits, 3) - 1)).replace('e+', 'e');
  return String(Number(value.toPrecision(digits)));
}
