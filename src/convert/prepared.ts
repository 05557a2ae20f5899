import { parseJson } from '../files/json';
import type { Preparation } from '../runs/import';
import { isRecord } from '../schema';
import { valueText } from '../text';

/** What an imported file says of the images that its weights have learned from; undefined where it says nothing. */
export function preparationOfFile(metadata: Readonly<Record<string, string>>): Preparation | undefined {
  if (metadata.prepare === undefined) return undefined;
  try {
    const value = parseJson(metadata.prepare, { depth: 8, values: 1000 });
    return isRecord(value) && isRecord(value.preprocess) ? (value as unknown as Preparation) : undefined;
  } catch {
    // Anyone may have written it; without it, there is nothing to compare.
    return undefined;
  }
}

/** Whether a value of a config says what is asked; a section may say more. */
function agrees(asked: unknown, own: unknown): boolean {
  if (isRecord(asked) && isRecord(own)) return Object.entries(asked).every(([key, value]) => agrees(value, own[key]));
  return JSON.stringify(asked) === JSON.stringify(own);
}

/**
 * Where a config prepares images otherwise than those that imported weights have learned from, in a line; undefined where it
 * does not, or nothing is known.
 *
 * @param preprocess the config's `data.preprocess`
 */
export function preparedOtherwise(metadata: Readonly<Record<string, string>>, preprocess: object): string | undefined {
  const asked = Object.entries(preparationOfFile(metadata)?.preprocess ?? {});
  const own = preprocess as Readonly<Record<string, unknown>>;
  // Images as they are stored have the same axes as turned ones but for their directions, which weights have seen mirrored.
  const others = asked.filter(([key, value]) => key in own && !(key === 'orientation' && value === null));
  const differing = others.filter(([key, value]) => !agrees(value, own[key]));
  if (differing.length === 0) return undefined;
  const keys = differing.map(
    ([key, value]) => `data.preprocess.${key} was ${valueText(value)}, and is ${valueText(own[key])}`,
  );
  return `the weights have learned from images prepared otherwise: ${keys.join('; ')}`;
}
