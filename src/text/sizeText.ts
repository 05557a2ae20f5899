const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** 1500 → "1.5 KB" (powers of 1000, as disks are sold). */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 10 && unit > 0 ? 1 : 0)} ${UNITS[unit]!}`;
}
