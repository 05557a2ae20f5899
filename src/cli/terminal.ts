import { CLEAR_LINE } from '../text/progressBar';
import { printable } from '../text';

/**
 * Makes everything that is written as text to a stream printable: names of files and runs, values of configs and DICOM fields
 * may hold sequences that a terminal obeys. Of those only the one that our progress bar begins a line with passes.
 */
export function keepPrintable(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
  const plain = (text: string): string =>
    text.startsWith(CLEAR_LINE) ? CLEAR_LINE + printable(text.slice(CLEAR_LINE.length)) : printable(text);
  stream.write = (chunk: unknown, ...rest: unknown[]) =>
    write(typeof chunk === 'string' ? plain(chunk) : chunk, ...rest);
}
