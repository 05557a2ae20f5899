const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * A field of a CSV file, quoted where its text needs it (RFC 4180); nothing for undefined and null. Spreadsheets compute what
 * begins with = + - @, a tab or a line break: such text gets an apostrophe before it, which they take as "this is text".
 * Numbers stay numbers, also as text.
 */
export function csvField(value: unknown): string {
  let text = value === undefined || value === null ? '' : String(value);
  if (typeof value !== 'number' && /^\s*[=+\-@\t\r\n]/.test(text) && !NUMBER.test(text.trim())) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A line of a CSV file, with its line break. */
export function csvLine(fields: readonly unknown[]): string {
  return `${fields.map(csvField).join(',')}\n`;
}
