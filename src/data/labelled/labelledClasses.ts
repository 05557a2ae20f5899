import { UserError } from '../../errors/userError';
import { unknownClass } from '../../labels/classNames';
import { imageFiles, type Case } from '../datalist/case';
import type { ClassValues } from './labelCodes';

/**
 * Which classes the label map of a case tells of.
 *
 * @returns `[classes]`: 1 or 0; all 1 for a case that does not say
 * @throws UserError naming the image when the case names something that is no class
 */
export function labelledClasses(
  item: Pick<Case, 'image' | 'labelled'>,
  classes: readonly Pick<ClassValues, 'name'>[],
): Uint8Array {
  const { labelled } = item;
  if (!labelled) return new Uint8Array(classes.length).fill(1);
  const problem = unknownClass(labelled, classes);
  if (problem !== undefined) throw new UserError(`${imageFiles(item)[0]}: "labelled" of the case: ${problem}`);
  return Uint8Array.from(classes, ({ name }) => (labelled.includes(name) ? 1 : 0));
}
