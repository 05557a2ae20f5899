import { parseTree, type Node, type ParseError } from 'jsonc-parser';
import { UserError } from '../../errors/userError';
import { JsonLimitError, parseJson } from '../../files/json';
import { readText } from '../../files/text';

export type Item = Record<string, unknown>;

export function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split(/\r\n|\r|\n/).length;

/** Where and why a text is not JSON. */
function whatIsWrong(text: string, fallback: string): string {
  const errors: ParseError[] = [];
  const root: Node | undefined = parseTree(text, errors, { disallowComments: true });
  const first = errors[0];
  if (!first) return root === undefined ? 'the file is empty' : fallback;
  const before = text.slice(0, first.offset).trimEnd();
  const at = text.slice(first.offset).trimStart();
  if (before.endsWith(',') && /^[\]}]/.test(at))
    return `line ${lineOf(text, before.length)}: a comma stands before the closing "${at[0]}"; remove it`;
  if (/^(\/\/|\/\*|#)/.test(at)) return `line ${lineOf(text, first.offset)}: JSON has no comments; remove it`;
  if (/^[-+]?(NaN|Infinity)/.test(at))
    return `line ${lineOf(text, first.offset)}: NaN and Infinity are not JSON; write null`;
  if (at.startsWith("'")) return `line ${lineOf(text, first.offset)}: texts stand in double quotes`;
  return `line ${lineOf(text, first.offset)}: ${fallback}`;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 160);

/** One JSON value a line, as in `.jsonl`; undefined when a line is none. */
function jsonLines(text: string): unknown[] | undefined {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
  if (lines.length < 2) return undefined;
  try {
    return lines.map((line) => parseJson(line));
  } catch {
    return undefined;
  }
}

/**
 * Reads JSON of any encoding, or one JSON value a line.
 *
 * @throws UserError naming the file, and the line that is wrong
 */
export async function readJson(file: string): Promise<unknown> {
  const text = await readText(file, 'the datalist');
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof JsonLimitError)
      throw new UserError(`${file}: cannot be read: ${error.message}`, 1, { cause: error });
    const lines = jsonLines(text);
    if (lines) return lines;
    throw new UserError(
      `${file}: not valid JSON: ${oneLine(whatIsWrong(text, oneLine((error as Error).message)))}`,
      1,
      {
        cause: error,
      },
    );
  }
}
