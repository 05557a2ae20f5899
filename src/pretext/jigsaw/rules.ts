import { warning, type Problem } from '../../schema';

/** Flips make turns ambiguous. */
export function jigsawRules({
  turns,
  augment,
}: {
  readonly turns: boolean;
  readonly augment: { readonly flip: number };
}): Problem[] {
  if (!turns || augment.flip === 0) return [];
  return [
    warning(['method', 'augment', 'flip'], 'two flips are a turn by 180°: with flips, not every turn can be told'),
  ];
}
