import { formatWithUnit } from '../curves/format';

/** A number of things with its thousands apart. */
export const countText = (count: number): string => count.toLocaleString('en-US').replace(/,/g, '\u202f');

/** Bytes in powers of 1000. */
export const sizeText = (bytes: number): string => formatWithUnit(bytes, 'bytes', 3);
