import { readRegular } from './regular';

/** How many bytes are looked at to tell UTF-16 without a mark from other text. */
const LOOKED_AT = 256;

/** The encoding of a text: by its byte-order mark, else UTF-16 where every other byte is 0, else UTF-8. */
function encodingOf(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const start = bytes.subarray(0, LOOKED_AT & ~1);
  let [even, odd] = [0, 0];
  start.forEach((byte, at) => {
    if (byte === 0 && at % 2 === 0) even++;
    else if (byte === 0) odd++;
  });
  const most = start.length * 0.4;
  if (odd > most && even === 0) return 'utf-16le';
  return even > most && odd === 0 ? 'utf-16be' : 'utf-8';
}

/** Text of UTF-8 or UTF-16, with or without a byte-order mark; what is neither is read as Windows-1252, as Excel writes it. */
export function decodeText(bytes: Uint8Array): string {
  const encoding = encodingOf(bytes);
  try {
    return new TextDecoder(encoding, { fatal: encoding === 'utf-8' }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/**
 * Reads a text file of any of the usual encodings (see {@link decodeText}), without its byte-order mark.
 *
 * @param what said in the error: `the datalist`
 * @throws UserError naming the file when it cannot be read
 */
export async function readText(file: string, what: string): Promise<string> {
  return decodeText(await readRegular(file, `read ${what}`));
}
