/** What a file says of a label value. */
export interface NamedLabel {
  readonly value: number;
  readonly name: string;
  /** `#rrggbb`. */
  readonly colour?: string;
}

/** Longer names are cut. */
const MOST_CHARACTERS = 200;

/** A colour of red, green and blue, 0 to 255; undefined when one of them is no such number. */
export function hexColour(rgb: readonly number[]): string | undefined {
  if (rgb.length < 3 || rgb.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return `#${rgb
    .slice(0, 3)
    .map((part) => Math.round(part).toString(16).padStart(2, '0'))
    .join('')}`;
}

/** Red, green and blue, 0 to 255, of `ff0000` or `#ff0000`; undefined when the text is something else. */
export function rgbOf(colour: string): number[] | undefined {
  const hex = /^#?([0-9a-f]{6})$/i.exec(colour)?.[1];
  return hex === undefined ? undefined : [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** A label as a file has it; undefined when the value is no whole number from 0, or the name is empty. */
export function namedLabel(value: number, name: string, rgb: readonly number[] = []): NamedLabel | undefined {
  // What a terminal or a page could take for commands has no place in a name.
  const clean = name
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS);
  if (!Number.isSafeInteger(value) || value < 0 || clean === '') return undefined;
  const colour = hexColour(rgb);
  return { value, name: clean, ...(colour !== undefined && { colour }) };
}
