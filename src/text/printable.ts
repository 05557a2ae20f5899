/**
 * Characters that a terminal or an editor obeys instead of showing: controls of 7 and 8 bits apart from tab and line break, and
 * marks that turn the direction of the text after them.
 */
const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text of a file, a name or a program as it may be shown: what would be obeyed is written out as in JSON (`\u001b`). In JSON
 * itself this changes nothing of what is meant.
 */
export function printable(text: string): string {
  return text.replace(OBEYED, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same on one line: for names, which must not look like lines of their own. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\n\t]+/g, ' ');
}

/**
 * Text for messages of the editor. It makes links of `[text](command:…)` in them, which run a command when they are pressed:
 * names from files must not be able to.
 */
export function withoutLinks(text: string): string {
  return printable(text).replace(/\](?=\()/g, '] ');
}

/** Text for lists of the editor, which draws `$(name)` in them as an icon. */
export function withoutIcons(text: string): string {
  return printableLine(text).replace(/\$(?=\()/g, '$ ');
}
