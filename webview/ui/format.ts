import { formatBytes, formatValue } from '../../src/text';

/** A value in the unit of its chart: bytes in powers of 1000. */
export function formatWithUnit(value: number, unit: string, digits: number): string {
  return unit === 'bytes' ? formatBytes(value, 3) : formatValue(value, digits);
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
