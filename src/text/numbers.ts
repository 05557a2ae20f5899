/** 20000 → "20,000". */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A value with a few significant digits, in powers of ten where that is shorter: 0.00012 → "1.2e-4". */
export function formatValue(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'not a number';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(Math.max(0, Math.min(digits, 3) - 1)).replace('e+', 'e');
  return significant(value, digits);
}

/** A value with at most so many significant digits, without zeros at the end. */
export function significant(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

/** 0.1234 → "12.3 %". */
export function formatPercent(share: number, places = 0): string {
  return `${(100 * share).toFixed(places)} %`;
}

/** Numbers along axes: [64, 64, 32] → "64×64×32". */
export function formatSize(size: readonly (number | string)[]): string {
  return size.join('×');
}

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/**
 * 1536 → "1.5 KB": powers of 1000, as disks are sold.
 *
 * @param digits significant digits at least, where the value has them; whole numbers are never shortened
 */
export function formatBytes(bytes: number, digits = 2): string {
  if (!Number.isFinite(bytes)) return formatValue(bytes, digits);
  const rounded = (unit: number): number => {
    const value = bytes / 1000 ** unit;
    const whole = Math.max(1, Math.floor(Math.log10(Math.max(1, Math.abs(value)))) + 1);
    return Number(value.toFixed(unit === 0 ? 0 : Math.max(0, digits - whole)));
  };
  let unit = 0;
  while (Math.abs(rounded(unit)) >= 1000 && unit < BYTE_UNITS.length - 1) unit += 1;
  return `${rounded(unit)} ${BYTE_UNITS[unit]!}`;
}
