import type { Vec3 } from '../../geometry';
import { error, warning, type Problem } from '../../schema';
import { formatSize } from '../../text';

/** What tasks need that turn crops: planes that can be turned, and no flips, which would make turns ambiguous. */
export function turnRules(method: {
  readonly crop: Vec3;
  readonly turns: 'all' | 'axial';
  readonly augment: { readonly flip: number };
}): Problem[] {
  const { crop, turns, augment } = method;
  const [x, y, z] = crop;
  const least = Math.min(x, y, ...(turns === 'all' ? [z] : []));
  const found: Problem[] = [];
  if (turns === 'all' && (x !== y || y !== z))
    found.push(
      error(['method', 'crop'], `turns about all axes need cubes, is ${formatSize(crop)}`, [least, least, least]),
    );
  if (turns === 'axial' && x !== y)
    found.push(
      error(['method', 'crop'], `turns about z need crops as long along x as along y, is ${formatSize(crop)}`, [
        least,
        least,
        z,
      ]),
    );
  if (augment.flip > 0) {
    const message = 'two flips are a turn by 180°: with flips, not every turn can be told';
    found.push(warning(['method', 'augment', 'flip'], message));
  }
  return found;
}
