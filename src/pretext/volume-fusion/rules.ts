import { error, type Problem } from '../../schema';

/** The numbers of boxes must rise. */
export function boxRules({ boxes: [least, most] }: { readonly boxes: readonly [number, number] }): Problem[] {
  if (least <= most) return [];
  return [error(['method', 'boxes'], `must rise, is ${JSON.stringify([least, most])}`, [most, least])];
}
