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

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** A value in the unit of its chart: bytes in powers of 1000. */
export function formatWithUnit(value: number, unit: string, digits: number): string {
  if (unit !== 'bytes' || !Number.isFinite(value)) return formatValue(value, digits);
  const power = Math.min(BYTE_UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(value))) / 3)));
  return `${Number((value / 1000 ** power).toPrecision(3))} ${BYTE_UNITS[power]!}`;
}

const CLASS_METRIC = /^validation\/dice\/(.+)$/;

/** "validation/loss" → "validation loss", "baseSimilarity" → "base similarity"; of a class its name. */
export function metricLabel(metric: string): string {
  const named = CLASS_METRIC.exec(metric)?.[1];
  if (named !== undefined) return named;
  return metric
    .replace(/[/_]/g, ' ')
    .replace(/[a-z](?=[A-Z])/g, '$& ')
    .toLowerCase();
}
