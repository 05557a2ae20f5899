import { error, type Problem } from '../../schema';

/** The range of shares must rise. */
export function ratioRules([low, high]: readonly [number, number]): Problem[] {
  return low <= high ? [] : [error(['method', 'ratio'], `must rise, is ${JSON.stringify([low, high])}`, [high, low])];
}
