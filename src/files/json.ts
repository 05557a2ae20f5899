/** What a JSON text may have at most: more is damage or an attack, and would take the stack or the memory. */
export interface JsonLimits {
  /** Lists and objects inside of each other. */
  readonly depth?: number;
  /** Items and properties in all. */
  readonly values?: number;
  /** Whether a key that an object has twice is refused; else the last one counts, as everywhere. */
  readonly uniqueKeys?: boolean;
}

/** A text that may be JSON, but is beyond the limits. */
export class JsonLimitError extends SyntaxError {}

export const MOST_JSON_DEPTH = 200;
const MOST_VALUES = 10_000_000;

const [QUOTE, COMMA, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = [...'",\\[]{}'].map((c) => c.charCodeAt(0));

/** Where the text that begins at a quote ends: the place of its closing quote. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return text.length;
}

const [SLASH, STAR, LINE, RETURN] = [...'/*\n\r'].map((c) => c.charCodeAt(0));

/** Where a text or a comment that begins at a place ends, as forgiving parsers see it: a text no later than its line. */
function endOfToken(text: string, start: number): number {
  if (text.charCodeAt(start) === SLASH) {
    const long = text.charCodeAt(start + 1) === STAR;
    const end = long ? text.indexOf('*/', start + 2) : text.indexOf('\n', start + 2);
    return end < 0 ? text.length : end + (long ? 1 : 0);
  }
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE || code === LINE || code === RETURN) return at;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
}

/** How deep the brackets of a JSON text with or without comments nest; stops where that is more than `most`. */
export function jsonDepth(text: string, most = Infinity): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length && deepest <= most; at++) {
    const code = text.charCodeAt(at);
    const next = code === SLASH ? text.charCodeAt(at + 1) : 0;
    if (code === QUOTE || next === SLASH || next === STAR) at = endOfToken(text, at);
    else if (code === OPEN || code === OPEN_LIST) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE || code === CLOSE_LIST) depth = Math.max(0, depth - 1);
  }
  return deepest;
}

/** @throws JsonLimitError telling which limit a text is beyond */
function checkLimits(text: string, { depth = MOST_JSON_DEPTH, values = MOST_VALUES, uniqueKeys }: JsonLimits): void {
  const none = new Set<string>();
  /** Keys of each open object, `null` for a list. */
  const open: (Set<string> | null)[] = [];
  let key = false;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const end = endOfText(text, at);
      if (key && uniqueKeys) addKey(open.at(-1), text.slice(at, end + 1));
      [at, key] = [end, false];
    } else if (code === OPEN || code === OPEN_LIST) {
      if (open.push(code === OPEN ? (uniqueKeys ? new Set() : none) : null) > depth)
        throw new JsonLimitError(`nested more than ${depth} deep`);
      key = code === OPEN;
      count += 1;
    } else if (code === CLOSE || code === CLOSE_LIST) open.pop();
    else if (code === COMMA) {
      key = open.at(-1) instanceof Set;
      count += 1;
    }
    if (count > values) throw new JsonLimitError(`more than ${values} values`);
  }
}

function addKey(keys: Set<string> | null | undefined, quoted: string): void {
  // Two ways of writing a character are one key.
  const key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  if (keys?.has(key))
    throw new JsonLimitError(`the key ${JSON.stringify(key.slice(0, 80))} stands twice in one object`);
  keys?.add(key);
}

/**
 * The value of a JSON text from a file, which anyone may have written. A key `__proto__` is a property like any other.
 *
 * @throws SyntaxError where it is no JSON, JsonLimitError where it is beyond the limits
 */
export function parseJson(text: string, limits: JsonLimits = {}): unknown {
  checkLimits(text, limits);
  return JSON.parse(text);
}
